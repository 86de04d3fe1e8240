"""Whatever the order of events and faults, every run ends once and nothing is left.

The same seeds each time, and as many that nobody has seen. A seed that fails says with how little
it does, and how to see it again.
"""

import os
import sys
import time
from random import Random

import pytest

from tests.simulation.replay import COMMAND
from tests.simulation.shrink import played, report
from tests.simulation.simulation import Simulation

FIXED = 80
FRESH = 40
PARTS = 2
#: Drawn once for all workers of a test run, so that a worker's tests have the others' names.
FIRST = Random(os.environ.get("PYTEST_XDIST_TESTRUNUID", time.time_ns())).randrange(10**6, 10**9)


@pytest.mark.parametrize("part", range(PARTS))
def test_every_run_ends_once_and_nothing_is_left(part: int) -> None:
    play(range(part * FIXED // PARTS, (part + 1) * FIXED // PARTS))


@pytest.mark.parametrize("part", range(PARTS))
def test_the_same_under_seeds_that_nobody_has_seen(
    part: int, capsys: pytest.CaptureFixture[str]
) -> None:
    first = FIRST + part * FRESH // PARTS
    with capsys.disabled():
        sys.stderr.write(f"[simulation: seeds {first} to {first + FRESH // PARTS - 1}]")
    play(range(first, first + FRESH // PARTS))


def play(seeds: range) -> None:
    for seed in seeds:
        one = played(Simulation, seed)
        if one.broken is not None:
            pytest.fail(report(Simulation, seed, one, COMMAND), pytrace=False)
