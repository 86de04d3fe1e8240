"""With limits on nodes, and with drains in between, under faults: never more nodes in use than may
be, every run ends once, and the ledger is empty at the end."""

import pytest

from shared.domain.ledger import Limits
from shared.domain.status import Status
from tests.simulation.shrink import played, report
from tests.simulation.simulation import STORM, Simulation
from tests.simulation.stage import Outcome, Play
from tests.simulation.twins.attempts import Attempt

SEEDS_A_TEST = 15
_HAS_NODES = (Status.PROVISIONING, Status.PREPARING, Status.RUNNING)


class LimitedSimulation(Simulation):
    """A cap of one to three nodes, more runs than that at once, and sometimes a drain."""

    calm = 3 * Simulation.calm  # on few nodes it takes longer

    def __init__(self, seed: int, only: frozenset[str] | None = None) -> None:
        super().__init__(seed, only)
        self.most = self.luck.one_of("nodes at most", (1, 2, 3))
        self.twins.limits = Limits(nodes=self.most)
        self._book = self.twins.product().book
        self._looked = (-1, -1)

    def plan(self) -> None:
        for number in range(6):
            self.perhaps(f"crowd-{number}", 0.7, 60, self.submit)
        self.perhaps("another drain", 0.3, STORM / 2, self.drain)
        super().plan()

    def run(self) -> None:
        super().run()
        ledger = self.twins.product().book.read().ledger
        assert not ledger.waiting, f"never let in: {[*ledger.waiting]}"
        assert not ledger.taken, f"nodes that nobody gave back: {[*ledger.taken]}"

    def stepped(self, play: Play, outcome: Outcome) -> None:
        super().stepped(play, outcome)
        written, _ = self.twins.registry.writes.get("capacity/now", (0, None))
        made = sum(map(len, self.twins.compute.history.values()))
        if (written, made) == self._looked:
            return
        self._looked = (written, made)
        ledger = self._book.read().ledger
        assert ledger.nodes <= self.most, f"too many on the ledger: {ledger.nodes} of {self.most}"
        nodes = [
            key
            for key, attempt in self.twins.compute.made.items()
            if not attempt.deleted_at and self._is_present(attempt)
        ]
        assert len(nodes) <= self.most, f"more nodes than may be: {nodes}, of {self.most}"

    def _is_present(self, attempt: Attempt) -> bool:
        """What a process that was held up made of an attempt that is long over is an orphan."""
        run = self.twins.runs.load(attempt.order.run).run
        return run.key == attempt.order.key and run.status in _HAS_NODES


@pytest.mark.parametrize("first", range(0, 30, SEEDS_A_TEST))
def test_never_more_nodes_than_the_limit(first: int) -> None:
    for seed in range(first, first + SEEDS_A_TEST):
        one = played(LimitedSimulation, seed)
        if one.broken is not None:
            command = "LimitedSimulation of tests/simulation/test_limits.py, seed"
            pytest.fail(report(LimitedSimulation, seed, one, command), pytrace=False)
