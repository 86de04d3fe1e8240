"""What a run makes of each event in each of its statuses."""

from dataclasses import replace

import pytest

from shared.domain.commands import BuildImage, Command, Look, Provision, TakeDown, Wait
from shared.domain.events import (
    AttemptMoved,
    AttemptPending,
    Event,
    ImageFailed,
    ImagePending,
    ImageReady,
    Nudged,
    RetryDue,
)
from shared.domain.run import Problem, Run, Verdict
from shared.domain.status import NEXT, Status
from shared.domain.transitions import BACKOFF, advance
from tests.factories import (
    IMAGE,
    NOON,
    OUT_OF_QUOTA,
    a_job_to_build,
    a_run,
    after,
    building,
    cancel_asked,
    ended,
    looking,
    requested,
    retrying,
    taken_down,
)

S = Status
READY = ImageReady(id="ready", at=NOON, image="built:1")
UNBUILT = Problem("EnvironmentBuildFailed", "No such package.", "Mend it.")
AGAIN = Verdict(S.QUEUED, OUT_OF_QUOTA)


def pending(look: int = 1, attempt: int = 1) -> AttemptPending:
    return AttemptPending(id=f"look-{look}", at=NOON, attempt=attempt, look=look)


def prepares(attempt: int = 1) -> AttemptMoved:
    return AttemptMoved(id="prepares", at=NOON, attempt=attempt, status=S.PREPARING)


def runs(attempt: int = 1) -> AttemptMoved:
    return AttemptMoved(id="runs", at=NOON, attempt=attempt, status=S.RUNNING)


def retry(attempt: int = 2) -> RetryDue:
    return RetryDue(id="retry", at=NOON, attempt=attempt)


NUDGED = Nudged(id="nudged", at=NOON)
DOWN, DOWN_WITH_LOGS = TakeDown(1), TakeDown(1, keep_logs=True)

#: The run, what happens, its status then, and what it asks for.
MOVES: dict[str, tuple[Run, Event, Status, tuple[Command, ...]]] = {
    "asked for": (a_run(), requested(), S.PROVISIONING, (Provision(1),)),
    "asked for, image to build": (
        a_run(job=a_job_to_build()),
        requested(),
        S.PREPARING,
        (BuildImage(),),
    ),
    "image built": (building(), READY, S.PROVISIONING, (Provision(1),)),
    "image not built yet": (
        building(),
        ImagePending(id="l", at=NOON, look=3),
        S.PREPARING,
        (BuildImage(3),),
    ),
    "image fails": (building(), ImageFailed(id="f", at=NOON, problem=UNBUILT), S.FAILED, ()),
    "node prepares": (a_run(S.PROVISIONING), prepares(), S.PREPARING, ()),
    "script runs": (a_run(S.PREPARING), runs(), S.RUNNING, ()),
    "script runs, preparing unseen": (a_run(S.PROVISIONING), runs(), S.RUNNING, ()),
    "marker before the end": (a_run(S.RUNNING), pending(2), S.RUNNING, (Look(1, 2),)),
    "script succeeded": (a_run(S.RUNNING), ended(), S.FINALIZING, (DOWN,)),
    "script failed": (a_run(S.RUNNING), ended("script"), S.FINALIZING, (DOWN,)),
    "too long": (a_run(S.RUNNING), ended("timeout"), S.FINALIZING, (DOWN_WITH_LOGS,)),
    "ended unseen": (a_run(S.PROVISIONING), ended(), S.FINALIZING, (DOWN,)),
    "ended after a look": (looking(), ended(), S.FINALIZING, (DOWN,)),
    "compute gone": (a_run(S.FINALIZING), taken_down(), S.COMPLETED, ()),
    "compute gone, again": (
        a_run(S.FINALIZING, verdict=AGAIN),
        taken_down(),
        S.QUEUED,
        (Wait(2, BACKOFF[0]),),
    ),
    "next attempt is due": (retrying(), retry(), S.PROVISIONING, (Provision(2),)),
    "cancelled before it began": (a_run(), cancel_asked(), S.CANCELED, ()),
    "cancelled in the queue": (a_run(S.QUEUED), cancel_asked(), S.CANCELED, ()),
    "cancelled while its image is built": (building(), cancel_asked(), S.CANCELED, ()),
    "cancelled between attempts": (retrying(), cancel_asked(), S.CANCELED, ()),
    "cancelled on compute": (
        a_run(S.RUNNING),
        cancel_asked(),
        S.CANCEL_REQUESTED,
        (DOWN_WITH_LOGS,),
    ),
    "cancelled while it provisions": (
        a_run(S.PROVISIONING),
        cancel_asked(),
        S.CANCEL_REQUESTED,
        (DOWN_WITH_LOGS,),
    ),
    "cancelled twice": (
        a_run(S.CANCEL_REQUESTED),
        cancel_asked(),
        S.CANCEL_REQUESTED,
        (DOWN_WITH_LOGS,),
    ),
    "cancelled too late": (a_run(S.FINALIZING), cancel_asked(), S.FINALIZING, (DOWN,)),
    "cancelled before another attempt": (
        a_run(S.FINALIZING, verdict=AGAIN),
        cancel_asked(),
        S.FINALIZING,
        (DOWN,),
    ),
    "cancelled, compute gone": (a_run(S.CANCEL_REQUESTED), taken_down(), S.CANCELED, ()),
    "nudged in the queue": (retrying(), NUDGED, S.QUEUED, (Wait(2, 15),)),
    "nudged while its image is built": (building(), NUDGED, S.PREPARING, (BuildImage(),)),
    "nudged while it leaves": (a_run(S.FINALIZING), NUDGED, S.FINALIZING, (DOWN,)),
}


@pytest.mark.parametrize(("run", "event", "then", "asks"), MOVES.values(), ids=MOVES)
def test_an_event_moves_the_run(
    run: Run, event: Event, then: Status, asks: tuple[Command, ...]
) -> None:
    decision = advance(run, event)
    assert (decision.run.status, decision.commands) == (then, asks)
    assert (decision.run.last_event, decision.run.pending) == (event.id, asks)


#: What comes too late, or for another attempt, and changes nothing.
IGNORED: dict[str, tuple[Run, Event]] = {
    "asked for again": (a_run(S.RUNNING), requested()),
    "asked for again while built": (building(), requested()),
    "image built again": (a_run(S.RUNNING), READY),
    "image fails late": (a_run(S.RUNNING), ImageFailed(id="f", at=NOON, problem=UNBUILT)),
    "image still pending": (a_run(S.PREPARING), ImagePending(id="l", at=NOON, look=1)),
    "prepares again": (a_run(S.PREPARING), prepares()),
    "prepares late": (a_run(S.RUNNING), prepares()),
    "runs again": (a_run(S.RUNNING), runs()),
    "moves while it leaves": (a_run(S.FINALIZING), runs()),
    "moves, another attempt": (a_run(S.PROVISIONING), runs(2)),
    "looked at while it leaves": (a_run(S.FINALIZING), pending()),
    "looked at, another attempt": (a_run(S.RUNNING), pending(attempt=2)),
    "ended twice": (a_run(S.FINALIZING), ended("script")),
    "ended while cancelled": (a_run(S.CANCEL_REQUESTED), ended()),
    "ended, older attempt": (a_run(S.RUNNING, attempt=2), ended("infrastructure")),
    "ended between attempts": (retrying(), ended()),
    "ended before any attempt": (building(), ended(attempt=0)),
    "taken down early": (a_run(S.RUNNING), taken_down()),
    "taken down, older attempt": (a_run(S.FINALIZING, attempt=2), taken_down(1)),
    "taken down twice": (retrying(), taken_down()),
    "retry of what runs": (a_run(S.RUNNING), retry()),
    "retry of an older attempt": (retrying(attempt=2), retry(2)),
    **{
        f"{event.kind} after {status}": (a_run(status), event)
        for status in (S.COMPLETED, S.FAILED, S.CANCELED)
        for event in (requested(), READY, runs(), ended(), taken_down(), cancel_asked(), NUDGED)
    },
}


@pytest.mark.parametrize(("run", "event"), IGNORED.values(), ids=IGNORED)
def test_what_comes_late_leaves_no_trace(run: Run, event: Event) -> None:
    """Not even in what is pending: a nudge has to find it."""
    decision = advance(run, event)
    assert (decision.run, decision.commands) == (run, ())


def test_a_delivery_that_is_repeated_asks_for_the_same() -> None:
    first = advance(a_run(S.RUNNING), ended())
    assert advance(first.run, ended()) == first


#: What ended the attempt, which of three it was, and how the run goes on.
VERDICTS = {
    "success": (ended(), 1, S.COMPLETED),
    "script": (ended("script"), 1, S.FAILED),
    "timeout": (ended("timeout"), 1, S.FAILED),
    "configuration": (ended("configuration"), 1, S.FAILED),
    "infrastructure, first": (ended("infrastructure"), 1, S.QUEUED),
    "infrastructure, second": (ended("infrastructure", 2), 2, S.QUEUED),
    "infrastructure, last": (ended("infrastructure", 3), 3, S.FAILED),
}


@pytest.mark.parametrize(("event", "attempt", "verdict"), VERDICTS.values(), ids=VERDICTS)
def test_only_infrastructure_is_tried_again(event: Event, attempt: int, verdict: Status) -> None:
    run = advance(a_run(S.RUNNING, attempt=attempt), event).run
    assert run.verdict is not None
    assert run.verdict.status is verdict


def test_a_failed_run_says_why() -> None:
    run = advance(a_run(S.RUNNING), ended("script")).run
    run = advance(run, taken_down()).run
    assert (run.status, run.problem, run.verdict) == (S.FAILED, OUT_OF_QUOTA, None)


def test_waiting_grows_and_the_timeline_says_for_what() -> None:
    waits = []
    for attempt in (1, 2, 3, 9):
        run = a_run(S.FINALIZING, attempt=attempt, max_attempts=10, verdict=AGAIN)
        decision = advance(run, taken_down(attempt))
        (wait,) = decision.commands
        assert isinstance(wait, Wait)
        note = f"attempt {attempt + 1} in {wait.seconds} s (AccountCoreQuotaReached)"
        assert decision.run.timeline[-1].note == note
        waits.append(wait.seconds)
    assert waits == [15, 60, 300, 300]


def test_cancelling_before_another_attempt_ends_the_run() -> None:
    run = advance(a_run(S.FINALIZING, verdict=AGAIN), cancel_asked()).run
    assert advance(run, taken_down()).run.status is S.CANCELED


def test_the_image_that_was_built_is_used() -> None:
    assert advance(building(), READY).run.image == "built:1"
    assert advance(a_run(), requested()).run.image == IMAGE


def test_the_node_knows_best_when_it_prepared_and_ran() -> None:
    run = advance(a_run(S.PROVISIONING), replace(runs(), at=after(30))).run
    end = ended(at=after(40), prepared_at=after(5), started_at=after(8))
    timeline = advance(run, end).run.timeline[-3:]
    assert [(m.status, m.at) for m in timeline] == [
        (S.PREPARING, after(5)),
        (S.RUNNING, after(8)),
        (S.FINALIZING, after(40)),
    ]


def test_what_the_watch_saw_stays_when_the_node_is_gone() -> None:
    run = advance(a_run(S.PROVISIONING), replace(runs(), at=after(30))).run
    run = advance(run, ended("infrastructure")).run
    assert run.started_at == after(30)


def test_a_clock_that_lags_does_not_turn_time_back() -> None:
    run = advance(a_run(S.PROVISIONING), replace(runs(), at=after(30))).run
    run = advance(run, ended(at=after(10))).run
    assert run.timeline[-1].at == after(30)
    assert run.heard_at == after(30)


def test_a_status_is_final_when_none_follows() -> None:
    assert {status for status in S if status.final} == {S.COMPLETED, S.FAILED, S.CANCELED}
    assert set(NEXT) == set(S)
