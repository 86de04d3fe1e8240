"""Whatever the order of events and faults, every run ends once and nothing is left.

`python -m tests.simulation.replay SEED` shows what happened under one seed.
"""

import pytest

from tests.simulation.simulation import Simulation

SEEDS_A_TEST = 40


@pytest.mark.parametrize("first", range(0, 120, SEEDS_A_TEST))
def test_every_run_ends_once_and_nothing_is_left(first: int) -> None:
    for seed in range(first, first + SEEDS_A_TEST):
        simulation = Simulation(seed)
        try:
            simulation.run()
        except AssertionError as broken:
            tail = "\n".join(simulation.trace[-60:])
            pytest.fail(f"seed {seed}: {broken}\n{tail}", pytrace=False)
