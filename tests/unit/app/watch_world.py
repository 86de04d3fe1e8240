"""Worlds for the watch: what there is, a tick, and what runs are told."""

from datetime import timedelta

from shared.app.orders import order_for
from shared.app.watch import GRACE
from shared.domain.events import AttemptEnded, AttemptMoved
from shared.domain.run import Run
from shared.domain.status import Status
from tests.factories import RUN, a_run
from tests.simulation.twins.attempts import Fate
from tests.simulation.twins.world import Twins

S = Status


def a_world(*runs: Run, fate: Fate | None = None, compute: bool = False) -> Twins:
    """The runs' records, and the compute of their attempts."""
    twins = Twins()
    if fate is not None:
        twins.compute.fate_of = lambda key: fate
    for run in runs:
        twins.runs.create(run)
        if compute or fate:
            twins.compute.provision(order_for(run))
    return twins


def tick(twins: Twins, after: timedelta = GRACE + timedelta(seconds=1)) -> None:
    twins.clock.pass_by(after.total_seconds())
    twins.product().watch.tick()


def told(twins: Twins) -> list[tuple[str, ...]]:
    """What runs are told, in short."""
    short: list[tuple[str, ...]] = []
    for event in twins.bus.events():
        match event:
            case AttemptEnded(problem=None):
                short.append(("ended", event.cause))
            case AttemptEnded(problem=problem) if problem is not None:
                short.append(("ended", event.cause, problem.code))
            case AttemptMoved():
                short.append(("moved", event.status))
            case _:
                short.append((event.kind,))
    return short


def provisioning(name: str = RUN) -> Run:
    return a_run(S.PROVISIONING, name=name)
