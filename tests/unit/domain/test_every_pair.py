"""What each event makes of a run in each situation: the whole table, with no pair left out.

A cell is the status that follows; `.` says that the event leaves no trace there, not even in what
is pending, and `=` that the status stays and something is asked for (once more).
"""

from dataclasses import replace
from typing import Final

import pytest

from shared.domain.commands import AwaitNodes
from shared.domain.events import (
    AttemptEnded,
    AttemptMoved,
    AttemptPending,
    CancelAsked,
    Concluded,
    Event,
    ImageFailed,
    ImagePending,
    ImageReady,
    NodesGranted,
    NotifyDue,
    Nudged,
    Requested,
    RetryDue,
    TakenDown,
)
from shared.domain.run import Run, Verdict
from shared.domain.status import Status
from shared.domain.transitions import advance
from tests.factories import NOON, OUT_OF_QUOTA, a_job, a_run, after, building, retrying

S = Status
MAKING = a_job(outputs={"model": {"type": "custom_model", "name": "model"}})

#: All are in their first attempt, but for those that have none yet.
SITUATIONS: Final[dict[str, Run]] = {
    "not started": a_run(),
    "waiting for a node": a_run(S.QUEUED, pending=(AwaitNodes(1),)),
    "building": building(),
    "provisioning": a_run(S.PROVISIONING),
    "preparing": a_run(S.PREPARING),
    "running": a_run(S.RUNNING),
    "leaving well": a_run(S.FINALIZING),
    "concluding": a_run(S.FINALIZING, job=MAKING),
    "leaving badly": a_run(S.FINALIZING, verdict=Verdict(S.FAILED, OUT_OF_QUOTA)),
    "leaving to try again": a_run(S.FINALIZING, verdict=Verdict(S.QUEUED, OUT_OF_QUOTA)),
    "trying again": retrying(),
    "cancelling": a_run(S.CANCEL_REQUESTED),
    "completed": a_run(S.COMPLETED),
    "failed": a_run(S.FAILED),
    "canceled": a_run(S.CANCELED),
    "wish, not started": a_run(cancel_asked_at=NOON),
    "wish, waiting for a node": a_run(S.QUEUED, pending=(AwaitNodes(1),), cancel_asked_at=NOON),
    "wish, building": building(cancel_asked_at=NOON),
    "wish, running": a_run(S.RUNNING, cancel_asked_at=NOON),
    "wish, leaving well": a_run(S.FINALIZING, cancel_asked_at=NOON),
    "wish, leaving to try again": a_run(
        S.FINALIZING, verdict=Verdict(S.QUEUED, OUT_OF_QUOTA), cancel_asked_at=NOON
    ),
    "wish, trying again": retrying(cancel_asked_at=NOON),
    "wish, completed": a_run(S.COMPLETED, cancel_asked_at=NOON),
}

_END: Final = AttemptEnded(id="e", at=after(1), attempt=1, cause="none")
EVENTS: Final[dict[str, Event]] = {
    "requested": Requested(id="e", at=after(1)),
    "image ready": ImageReady(id="e", at=after(1), image="built:1"),
    "image pending": ImagePending(id="e", at=after(1), look=1),
    "image failed": ImageFailed(id="e", at=after(1), problem=OUT_OF_QUOTA),
    "granted": NodesGranted(id="e", at=after(1), attempt=1),
    "lost node": AttemptMoved(id="e", at=after(1), attempt=1, status=S.PROVISIONING, requeues=1),
    "prepares": AttemptMoved(id="e", at=after(1), attempt=1, status=S.PREPARING),
    "runs": AttemptMoved(id="e", at=after(1), attempt=1, status=S.RUNNING),
    "pending": AttemptPending(id="e", at=after(1), attempt=1, look=1),
    "ended well": _END,
    "ended badly": replace(_END, cause="script", problem=OUT_OF_QUOTA),
    "node gone": replace(_END, cause="infrastructure", problem=OUT_OF_QUOTA),
    "taken down": TakenDown(id="e", at=after(1), attempt=1),
    "concluded": Concluded(id="e", at=after(1), attempt=1),
    "retry due": RetryDue(id="e", at=after(1), attempt=2),
    "cancel": CancelAsked(id="e", at=after(1)),
    "nudged": Nudged(id="e", at=after(1)),
    "notify due": NotifyDue(id="e", at=after(1), webhook=0, occasion="failed", tries=1),
}

#: The columns are the events above, in their order.
TABLE: Final = """
not started               : Po .  .  .  .  .  .  .  .  .  .  .  .  .  .  Ca .  =
waiting for a node        : .  .  .  .  Po .  .  .  .  .  .  .  .  .  .  Ca =  =
building                  : .  Po =  Fa .  .  .  .  .  .  .  .  .  .  .  Ca =  =
provisioning              : .  .  .  .  .  =  Pe Ru =  Fi Fi Fi .  .  .  CR =  =
preparing                 : .  .  .  .  .  Po .  Ru =  Fi Fi Fi .  .  .  CR .  =
running                   : .  .  .  .  .  Po .  .  =  Fi Fi Fi .  .  .  CR .  =
leaving well              : .  .  .  .  .  .  .  .  .  .  .  .  Co .  .  =  =  =
concluding                : .  .  .  .  .  .  .  .  .  .  .  .  =  Co .  =  =  =
leaving badly             : .  .  .  .  .  .  .  .  .  .  .  .  Fa .  .  =  =  =
leaving to try again      : .  .  .  .  .  .  .  .  .  .  .  .  Qu .  .  =  =  =
trying again              : .  .  .  .  .  .  .  .  .  .  .  .  .  .  Po Ca =  =
cancelling                : .  .  .  .  .  .  .  .  .  .  .  .  Ca .  .  =  =  =
completed                 : .  .  .  .  .  .  .  .  .  .  .  .  .  .  .  .  .  =
failed                    : .  .  .  .  .  .  .  .  .  .  .  .  .  .  .  .  .  =
canceled                  : .  .  .  .  .  .  .  .  .  .  .  .  .  .  .  .  .  =
wish, not started         : Ca Ca Ca .  Ca Ca Ca Ca Ca .  .  .  .  .  Ca Ca Ca =
wish, waiting for a node  : Ca Ca Ca .  Ca Ca Ca Ca Ca .  .  .  .  .  Ca Ca Ca =
wish, building            : Ca Ca Ca Fa Ca Ca Ca Ca Ca .  .  .  .  .  Ca Ca Ca =
wish, running             : CR CR CR .  CR CR CR CR CR Fi Fi Fi .  .  CR CR CR =
wish, leaving well        : .  .  .  .  .  .  .  .  .  .  .  .  Co .  .  =  =  =
wish, leaving to try again: .  .  .  .  .  .  .  .  .  .  .  .  Ca .  .  =  =  =
wish, trying again        : Ca Ca Ca .  Ca Ca Ca Ca Ca .  .  .  .  .  Ca Ca Ca =
wish, completed           : .  .  .  .  .  .  .  .  .  .  .  .  .  .  .  .  .  =
"""

_SHORT: Final = {
    "Qu": S.QUEUED,
    "Pe": S.PREPARING,
    "Po": S.PROVISIONING,
    "Ru": S.RUNNING,
    "Fi": S.FINALIZING,
    "CR": S.CANCEL_REQUESTED,
    "Co": S.COMPLETED,
    "Fa": S.FAILED,
    "Ca": S.CANCELED,
}
_ROWS: Final = {
    name.strip(): cells.split()
    for name, _, cells in (line.partition(":") for line in TABLE.strip().splitlines())
}


def test_the_table_has_every_pair() -> None:
    assert [*_ROWS] == [*SITUATIONS]
    assert {len(cells) for cells in _ROWS.values()} == {len(EVENTS)}
    assert {run.status for run in SITUATIONS.values()} == set(S)


@pytest.mark.parametrize("situation", SITUATIONS)
def test_what_each_event_makes_of_it(situation: str) -> None:
    run = SITUATIONS[situation]
    for (name, event), cell in zip(EVENTS.items(), _ROWS[situation], strict=True):
        decision = advance(run, event)
        match cell:
            case ".":
                assert (decision.run, decision.commands) == (run, ()), name
            case "=":
                assert decision.run.status is run.status, name
                assert decision.commands or decision.run.requeues or name == "nudged", name
            case _:
                assert decision.run.status is _SHORT[cell], name


def _cancel_and_see_through(run: Run, wish: bool) -> Run:
    """The run is cancelled, and every message that its commands would send comes back."""
    if wish and run.cancel_asked_at is None:
        run = replace(run, cancel_asked_at=NOON)
    asked = CancelAsked(id="cancel", at=after(2))
    events: list[Event] = [asked, TakenDown(id="down", at=after(3), attempt=run.attempt)]
    events.append(Concluded(id="concluded", at=after(4), attempt=run.attempt))
    for event in events:
        run = advance(run, event).run
    return run


@pytest.mark.parametrize("wish", [True, False], ids=["on the record", "in a message alone"])
@pytest.mark.parametrize("event", EVENTS.values(), ids=EVENTS)
@pytest.mark.parametrize("situation", SITUATIONS)
def test_a_cancel_after_anything_ends_the_run(situation: str, event: Event, wish: bool) -> None:
    """In Canceled; or in the status that it had, or was already on its way to."""
    before = advance(SITUATIONS[situation], event).run
    run = _cancel_and_see_through(before, wish)
    assert run.final
    if before.final:
        assert run.status is before.status
    elif before.verdict is not None and before.verdict.status is not S.QUEUED:
        assert run.status is before.verdict.status
    else:
        assert run.status is S.CANCELED
    assert advance(run, CancelAsked(id="again", at=after(9))).run == run
