"""`python -m tests.simulation.soak --minutes N [--seed S]` plays one seed after the other.

They begin with S, or without it somewhere new, which is said. The first that breaks a promise is
made small and told, and the exit code is 1. `--seeds 200` ends after so many. `--hunt` plays runs
alone, and ends with the first seed that breaks: exit code 3.
"""

import argparse
import logging
import sys
import time
from collections.abc import Iterator, Sequence
from random import SystemRandom

from tests.simulation.replay import COMMAND
from tests.simulation.schedule_world import ScheduleWorld
from tests.simulation.shrink import MakeWorld, played, report
from tests.simulation.simulation import Simulation

#: Of so many worlds one is that of schedules.
SCHEDULES = 5


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.simulation.soak", description=__doc__)
    parser.add_argument("--minutes", type=float, default=1.0)
    parser.add_argument("--seed", type=int)
    parser.add_argument("--seeds", type=int, help="at most so many")
    parser.add_argument("--hunt", action="store_true")
    asked = parser.parse_args(arguments)
    logging.disable()
    first = SystemRandom().randrange(10**6, 10**9) if asked.seed is None else asked.seed
    sys.stdout.write(f"seeds from {first} on\n")
    begun, cpu = time.monotonic(), time.process_time()
    count = runs = 0
    for seed in _seeds(first, asked.seeds, begun + 60 * asked.minutes):
        schedules = seed % SCHEDULES == 0 and not asked.hunt
        make: MakeWorld = ScheduleWorld if schedules else Simulation
        one = played(make, seed)
        if one.broken is not None and asked.hunt:
            sys.stdout.write(f"seed {seed}: {one.broken}\n")
            return 3
        if one.broken is not None:
            command = f"{COMMAND} --schedules" if make is ScheduleWorld else COMMAND
            sys.stdout.write(report(make, seed, one, command) + "\n")
            return 1
        count, runs = count + 1, runs + one.runs
    spent = max(time.process_time() - cpu, 1e-9)
    sys.stdout.write(
        f"{count} worlds, {runs} runs, {spent:.0f} s of CPU, {runs / spent:.0f} runs a second: "
        "all invariants hold\n"
    )
    return 0


def _seeds(first: int, most: int | None, until: float) -> Iterator[int]:
    seed = first
    while time.monotonic() < until and (most is None or seed < first + most):
        yield seed
        seed += 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
