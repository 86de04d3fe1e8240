"""Chaos for real: the local stack as five processes, killed at random while hundreds of runs go.

`plan` says by its seed what is asked for, what fails and what is killed when; `services` are the
processes, `chaos` kills them, `workload` is the users; `invariants` looks, after a calm, at the
stores and the machine; `report` tells it.
"""

import argparse
import logging
import random
import shutil
import sys
import tempfile
from pathlib import Path

from tests.soak.plan import planned
from tests.soak.soak import soaked


def main() -> int:
    """0 when every invariant held, 1 when not; then the folder stays, with all logs."""
    parser = argparse.ArgumentParser(prog="python -m tests.soak", description=__doc__)
    add = parser.add_argument
    add("--runs", type=int, default=500, help="(%(default)s)")
    add("--seed", type=int, help="of plan and faults (any)")
    add("--minutes", type=float, default=5.0, help="of chaos (%(default)g)")
    add("--kill-every", type=float, default=8.0, metavar="SECONDS", help="(%(default)g)")
    add("--calm", type=float, default=600.0, metavar="SECONDS", help="at most (%(default)g)")
    add(
        "--patience",
        type=float,
        default=30.0,
        metavar="SECONDS",
        help="of the watch; 120 is Retrain's own (%(default)g)",
    )
    add("--data", type=Path, metavar="FOLDER", help="stays (a temporary one, which goes)")
    add("--json", action="store_true", help="one line")
    asked = parser.parse_args()
    seed = random.randrange(10**6) if asked.seed is None else asked.seed
    sys.stdout.write(f"python -m tests.soak --runs {asked.runs} --seed {seed}\n")
    sys.stdout.flush()
    logging.getLogger("azure").setLevel(logging.CRITICAL)
    plan = planned(seed, asked.runs, asked.minutes * 60, asked.kill_every)
    folder = asked.data or Path(tempfile.mkdtemp(prefix="retrain-soak-"))
    report = soaked(plan, folder, asked.patience, asked.calm)
    sys.stdout.write("\n".join([report.as_json()] if asked.json else [*report.lines()]) + "\n")
    if report.good and not asked.data:
        shutil.rmtree(folder)
    elif not report.good:
        sys.stdout.write(f"logs and stores: {folder}\n")
    return 0 if report.good else 1


if __name__ == "__main__":
    sys.exit(main())
