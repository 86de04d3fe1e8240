"""`python -m tests.simulation.replay SEED` prints what happens under one seed.

`--only 3,14` lets no other mishaps come about than the 3rd and the 14th of the whole seed's (from
0), `--only none` none at all; `--shrink` looks for as few as it takes. `--schedules` plays the
world of schedules.
"""

import argparse
import logging
import sys
from collections.abc import Sequence

from tests.simulation.schedule_world import ScheduleWorld
from tests.simulation.shrink import MakeWorld, Played, played, report
from tests.simulation.simulation import Simulation

COMMAND = "python -m tests.simulation.replay"


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(prog=COMMAND, description=__doc__)
    parser.add_argument("seed", type=int)
    parser.add_argument("--only", help="numbers of mishaps, or none")
    parser.add_argument("--shrink", action="store_true")
    parser.add_argument("--schedules", action="store_true")
    asked = parser.parse_args(arguments)
    logging.disable()
    make: MakeWorld = ScheduleWorld if asked.schedules else Simulation
    command = f"{COMMAND} --schedules" if asked.schedules else COMMAND
    one = played(make, asked.seed)
    if asked.only is not None:
        numbers = [] if asked.only == "none" else [int(n) for n in asked.only.split(",")]
        names = frozenset(one.mishaps[number] for number in numbers)
        one = played(make, asked.seed, names)
    if asked.shrink and one.broken:
        sys.stdout.write(report(make, asked.seed, one, command) + "\n")
    else:
        sys.stdout.write(_told(one))
    return int(one.broken is not None)


def _told(one: Played) -> str:
    verdict = f"broken: {one.broken}" if one.broken else "all invariants hold"
    return "\n".join([*one.trace, "", verdict, ""])


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
