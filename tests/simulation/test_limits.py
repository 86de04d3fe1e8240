"""With limits on nodes, and with drains in between, under faults: never more nodes in use than may
be, every run ends once, and the ledger is empty at the end."""

from collections.abc import Callable
from datetime import timedelta
from functools import partial

import pytest

from shared.domain.ledger import Limits
from shared.domain.status import Status
from shared.wiring import Product
from tests.simulation.simulation import CALM, STORM, Simulation
from tests.simulation.twins.compute import Attempt

SEEDS_A_TEST = 30
_HAS_NODES = (Status.PROVISIONING, Status.PREPARING, Status.RUNNING)


class LimitedSimulation(Simulation):
    """A cap of one to three nodes, more runs than that at once, and sometimes a drain."""

    def __init__(self, seed: int) -> None:
        super().__init__(seed)
        self.most = self.random.randint(1, 3)
        self.twins.limits = Limits(nodes=self.most)
        self.drained_at = None if self.random.random() < 0.6 else self.random.uniform(60, STORM / 2)

    def run(self) -> None:
        for number in range(self.random.randint(2, 6)):
            self._in(self.random.uniform(0, 60), partial(self._submit, f"crowd-{number}"))
        if self.drained_at is not None:
            self._in(self.drained_at, self._drain)
            self._in(STORM + CALM / 4, self._resume)
        try:
            super().run()
        except AssertionError:
            if not self._behind():
                raise
            # On few nodes it takes longer.
            self._until(self.twins.clock.now + timedelta(seconds=CALM))
            calls = self.faults.calls - self._ticks
            self.invariants.at_the_end(calls, calls, outage=self._outage)
        ledger = self.twins.product().book.read().ledger
        assert not ledger.waiting, f"never let in: {[*ledger.waiting]}"
        assert not ledger.taken, f"nodes that nobody gave back: {[*ledger.taken]}"

    def _behind(self) -> bool:
        """Whether something still runs, or waits for that."""
        return any(not run.status.final for run in self.twins.runs.list())

    def _drain(self) -> None:
        if not self._step("drain", lambda product: product.draining.drain("anna")):
            self._in(5, self._drain)

    def _resume(self) -> None:
        if not self._step("resume", lambda product: product.draining.resume()):
            self._in(5, self._resume)

    def _step(self, what: str, act: Callable[[Product], object]) -> bool | None:
        done = super()._step(what, act)
        self._within_the_limit()
        return done

    def _within_the_limit(self) -> None:
        ledger = self.twins.product().book.read().ledger
        assert ledger.nodes <= self.most, f"{ledger.nodes} of {self.most} nodes on the ledger"
        nodes = [
            key
            for key, attempt in self.twins.compute.made.items()
            if not attempt.deleted_at and self._is_present(attempt)
        ]
        assert len(nodes) <= self.most, f"{self.most} nodes, and there are {nodes}"

    def _is_present(self, attempt: Attempt) -> bool:
        """What a process that was held up made of an attempt that is long over is an orphan."""
        run = self.twins.runs.load(attempt.order.run).run
        return run.key == attempt.order.key and run.status in _HAS_NODES


@pytest.mark.parametrize("first", range(0, 60, SEEDS_A_TEST))
def test_never_more_nodes_than_the_limit(first: int) -> None:
    for seed in range(first, first + SEEDS_A_TEST):
        simulation = LimitedSimulation(seed)
        try:
            simulation.run()
        except AssertionError as broken:
            tail = "\n".join(simulation.trace[-60:])
            pytest.fail(f"seed {seed}: {broken}\n{tail}", pytrace=False)
