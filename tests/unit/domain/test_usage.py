"""What an attempt took of compute, from its run's timeline."""

from dataclasses import replace

import pytest

from shared import wire
from shared.domain.events import AttemptMoved
from shared.domain.run import Run
from shared.domain.status import Status
from shared.domain.transitions import advance
from shared.domain.usage import Nodes, usage
from tests.factories import NOON, RUN, a_run, after, cancel_asked, ended, taken_down

OWN = Nodes(vm_size="Standard_D2s_v3", count=2)
SHARED = replace(OWN, compute="cpu")
_PROVISIONING, _RUNNING = Status.PROVISIONING, Status.RUNNING

#: Statuses with the second in which each began, and what is billed and used of one node until 100.
CASES = {
    "own nodes, from asking for them to letting go": (
        OWN, {_PROVISIONING: 10, Status.PREPARING: 40, _RUNNING: 50, Status.FINALIZING: 90}, 90, 40,
    ),
    "canceled while it ran": (
        OWN, {_PROVISIONING: 10, _RUNNING: 50, Status.CANCEL_REQUESTED: 70}, 90, 20,
    ),
    "no node ever began to work": (OWN, {_PROVISIONING: 10, Status.FINALIZING: 90}, 0, 0),
    "prepared, and never ran": (
        OWN, {_PROVISIONING: 10, Status.PREPARING: 40, Status.FINALIZING: 90}, 90, 0,
    ),
    "nodes of a named compute, while it had them": (
        SHARED, {_PROVISIONING: 10, Status.PREPARING: 40, _RUNNING: 50, Status.FINALIZING: 90},
        50, 40,
    ),
    "it waited for a node of a named compute, in vain": (
        SHARED, {_PROVISIONING: 10, Status.CANCEL_REQUESTED: 90}, 0, 0,
    ),
}  # fmt: skip


@pytest.mark.parametrize(("nodes", "began", "billed", "used"), CASES.values(), ids=CASES)
def test_seconds_of_one_node(
    nodes: Nodes, began: dict[Status, int], billed: float, used: float
) -> None:
    seen = usage(1, nodes, [(status, after(at)) for status, at in began.items()], after(100))
    assert (seen.billed, seen.used) == (billed, used)
    assert (seen.billed_node_seconds, seen.used_node_seconds) == (2 * billed, 2 * used)


def test_a_node_that_is_looked_for_anew_is_the_same_attempts() -> None:
    run = a_run(Status.RUNNING)
    lost = AttemptMoved(id="lost", at=after(20), attempt=1, status=Status.PROVISIONING, requeues=1)
    run = advance(run, lost).run.to(_RUNNING, after(60)).to(Status.FINALIZING, after(80))
    assert (run.usage(OWN, after(90)).billed, run.usage(OWN, after(90)).used) == (90, 40)
    shared = run.usage(SHARED, after(90))
    assert (shared.billed, shared.used) == (40, 40), "meanwhile it had none of the compute's nodes"


def _through(run: Run, attempt: int, start: float) -> Run:
    """The attempt lost its node 30 seconds after its script began, and was taken down."""
    lost = ended("infrastructure", attempt, at=after(start + 40), started_at=after(start + 10))
    run = advance(run, lost).run
    gone = replace(taken_down(attempt, after(start + 45)), nodes=OWN)
    return advance(run, gone).run


def test_each_attempt_is_noted_once_by_itself() -> None:
    run = _through(a_run(Status.PROVISIONING), 1, 0)
    assert run.status is Status.QUEUED
    run = run.to(Status.PROVISIONING, after(100))
    run = _through(replace(run, attempt=2), 2, 100)
    assert [(one.attempt, one.billed, one.used) for one in run.usages] == [(1, 45, 30), (2, 45, 30)]
    again = replace(taken_down(2, after(500)), id="another", nodes=OWN)
    assert advance(run, again).run == run
    assert wire.decode_run(wire.encode_run(run)) == run


def test_a_run_that_is_canceled_is_billed_until_its_nodes_are_let_go() -> None:
    run = advance(a_run(Status.RUNNING), cancel_asked(after(20))).run
    run = advance(run, replace(taken_down(at=after(30)), nodes=OWN)).run
    assert (run.status, [one.billed for one in run.usages]) == (Status.CANCELED, [30])


def test_of_attempts_that_an_older_version_took_down_nothing_is_noted() -> None:
    """Its messages don't say which nodes they were, and its records have no usages."""
    run = advance(a_run(Status.FINALIZING), taken_down()).run
    assert (run.status, run.usages) == (Status.COMPLETED, ())
    old = wire.encode_run(run).replace(b',"usages":[]', b"")
    assert b"usages" not in old
    assert wire.decode_run(old) == run
    later = replace(a_run(Status.QUEUED).to(_PROVISIONING, NOON), attempt=1)
    later = later.to(Status.FINALIZING, after(10)).to(Status.QUEUED, after(10))
    later = replace(later.to(_PROVISIONING, after(60)), attempt=2).to(_RUNNING, after(70))
    assert later.usage(OWN, after(80)).billed == 20, "the first attempt is none of its"
    assert later.name == RUN
