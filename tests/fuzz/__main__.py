"""`python -m tests.fuzz NAME… --minutes 5 --seed 7`: storms, one JSON line each; 1 if one did harm.

Without names: all there are. The seed is printed first, so that a storm which harms can be raised
again.
"""

import argparse
import asyncio
import json
import logging
import sys
import time
from dataclasses import asdict
from importlib import import_module
from pathlib import Path
from random import Random, SystemRandom
from typing import cast

from tests.fuzz.report import Report, Storm

_NO_STORMS = {"__init__", "__main__", "report"}


def storms() -> list[str]:
    """The modules of this folder."""
    return sorted({path.stem for path in Path(__file__).parent.glob("*.py")} - _NO_STORMS)


def run(name: str, seed: int, seconds: float) -> Report:
    module = cast(Storm, import_module(f"tests.fuzz.{name}"))
    return asyncio.run(module.storm(Random(seed), time.monotonic() + seconds))


def main() -> int:
    names = storms()
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description="Random input.")
    parser.add_argument("names", nargs="*", help=f"which; all if none is said: {', '.join(names)}")
    parser.add_argument("--minutes", type=float, default=1.0, help="how long each lasts (1)")
    parser.add_argument("--seed", type=int, help="repeats a storm; a new one if none is said")
    options = parser.parse_args()
    unknown = set(options.names) - set(names)
    if unknown:
        parser.error(f"there is no storm '{min(unknown)}'; there are: {', '.join(names)}")
    seed = SystemRandom().getrandbits(32) if options.seed is None else options.seed
    logging.basicConfig(level=logging.ERROR)  # that clients are refused is no news here
    harmed = False
    for name in options.names or names:
        sys.stdout.write(json.dumps({"storm": name, "seed": seed}) + "\n")
        sys.stdout.flush()
        report = run(name, seed, options.minutes * 60)
        sys.stdout.write(json.dumps({"storm": name, **asdict(report)}) + "\n")
        sys.stdout.flush()
        harmed = harmed or bool(report.wrong)
    return int(harmed)


if __name__ == "__main__":
    sys.exit(main())
