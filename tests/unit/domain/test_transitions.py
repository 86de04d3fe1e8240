"""What a run makes of each event in each of its statuses."""

from dataclasses import replace
from datetime import datetime
from typing import Any

import pytest

from shared.domain.commands import BuildImage, Command, Look, Provision, TakeDown, Wait
from shared.domain.events import (
    AttemptMoved,
    AttemptPending,
    Cause,
    Event,
    ImageFailed,
    ImagePending,
    ImageReady,
    Nudged,
    RetryDue,
)
from shared.domain.run import Attempt, Problem, Run, Verdict
from shared.domain.status import NEXT, Status
from shared.domain.transitions import advance
from tests.factories import (
    IMAGE,
    NOON,
    OUT_OF_QUOTA,
    a_job,
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


def lost_its_node(requeues: int = 1, at: datetime = NOON) -> AttemptMoved:
    return AttemptMoved(
        id=f"requeued-{requeues}", at=at, attempt=1, status=S.PROVISIONING, requeues=requeues
    )


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
        (Wait(2, 15),),
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
    "lost its node, known": (a_run(S.RUNNING, requeues=1), lost_its_node()),
    "lost its node while it leaves": (a_run(S.FINALIZING), lost_its_node()),
    "lost its node, another attempt": (a_run(S.RUNNING, attempt=2), lost_its_node()),
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


#: The job's policy, what ended the attempt, which one it was, and how the run goes on.
VERDICTS: dict[str, tuple[dict[str, Any], Cause, int | None, int, Status]] = {
    "success": ({}, "none", 0, 1, S.COMPLETED),
    "script": ({}, "script", 1, 1, S.FAILED),
    "timeout": ({}, "timeout", None, 1, S.FAILED),
    "configuration": ({}, "configuration", None, 1, S.FAILED),
    "infrastructure, first": ({}, "infrastructure", None, 1, S.QUEUED),
    "infrastructure, second": ({}, "infrastructure", None, 2, S.QUEUED),
    "infrastructure, last": ({}, "infrastructure", None, 3, S.FAILED),
    "infrastructure, one attempt": ({"max_attempts": 1}, "infrastructure", None, 1, S.FAILED),
    "infrastructure, ninth of ten": ({"max_attempts": 10}, "infrastructure", None, 9, S.QUEUED),
    "infrastructure, last of ten": ({"max_attempts": 10}, "infrastructure", None, 10, S.FAILED),
    "infrastructure, not wanted": ({"on": ["script"]}, "infrastructure", None, 1, S.FAILED),
    "script, wanted": ({"on": ["script"]}, "script", 1, 1, S.QUEUED),
    "script, wanted, last": ({"on": ["script"]}, "script", 1, 3, S.FAILED),
    "timeout, wanted": ({"on": ["timeout"]}, "timeout", None, 1, S.QUEUED),
    "success, all wanted": ({"on": ["script", "timeout"]}, "none", 0, 1, S.COMPLETED),
    "this exit code": ({"exit_codes": [75]}, "script", 75, 2, S.QUEUED),
    "another exit code": ({"exit_codes": [75]}, "script", 1, 1, S.FAILED),
}


@pytest.mark.parametrize(
    ("policy", "cause", "code", "attempt", "verdict"), VERDICTS.values(), ids=VERDICTS
)
def test_the_policy_says_what_is_tried_again(
    policy: dict[str, Any], cause: Cause, code: int | None, attempt: int, verdict: Status
) -> None:
    run = a_run(S.RUNNING, attempt=attempt, job=a_job(retry=policy))
    run = advance(run, ended(cause, attempt, exit_code=code)).run
    assert run.verdict is not None
    assert run.verdict.status is verdict


def test_a_failed_run_says_why() -> None:
    run = advance(a_run(S.RUNNING), ended("script")).run
    run = advance(run, taken_down()).run
    assert (run.status, run.problem, run.verdict) == (S.FAILED, OUT_OF_QUOTA, None)


def test_waiting_grows_and_the_timeline_says_for_what() -> None:
    waits, patient = [], a_job(retry={"max_attempts": 10})
    for attempt in (1, 2, 3, 9):
        run = a_run(S.FINALIZING, attempt=attempt, job=patient, verdict=AGAIN)
        decision = advance(run, taken_down(attempt))
        (wait,) = decision.commands
        assert isinstance(wait, Wait)
        note = f"attempt {attempt + 1} in {wait.seconds} s (AccountCoreQuotaReached)"
        assert decision.run.timeline[-1].note == note
        waits.append(wait.seconds)
    assert waits == [15, 60, 240, 300]


def test_each_attempt_is_kept_with_how_it_ended() -> None:
    end = ended("infrastructure", at=after(60), started_at=after(9), requeues=2)
    run = advance(advance(a_run(S.PROVISIONING), end).run, taken_down(at=after(70))).run
    run = advance(run, replace(retry(), at=after(90))).run
    assert run.requeues == 0
    run = advance(run, ended("script", 2, at=after(99), exit_code=3)).run
    assert run.attempts == (
        Attempt(
            number=1, asked_at=NOON, started_at=after(9), ended_at=after(60),
            cause="infrastructure", problem=OUT_OF_QUOTA, requeues=2,
        ),
        Attempt(
            number=2, asked_at=after(90), started_at=None, ended_at=after(99),
            cause="script", problem=OUT_OF_QUOTA, exit_code=3,
        ),
    )  # fmt: skip


def test_a_cancelled_attempt_is_kept_too() -> None:
    run = advance(a_run(S.RUNNING), cancel_asked(after(5))).run
    assert [(one.number, one.cause, one.ended_at) for one in run.attempts] == [
        (1, "canceled", after(5))
    ]
    assert advance(run, replace(cancel_asked(), id="again")).run.attempts == run.attempts


def test_a_lost_node_takes_the_same_attempt_back() -> None:
    run = advance(a_run(S.RUNNING), lost_its_node(at=after(30))).run
    assert (run.status, run.attempt, run.requeues) == (S.PROVISIONING, 1, 1)
    assert advance(run, lost_its_node(at=after(31))).run is run, "told once"
    run = advance(run, replace(runs(), at=after(40))).run
    end = ended(at=after(60), prepared_at=after(35), started_at=after(38), requeues=1)
    run = advance(run, end).run
    assert [(m.status, m.at) for m in run.timeline[-5:]] == [
        (S.RUNNING, NOON),
        (S.PROVISIONING, after(30)),
        (S.PREPARING, after(35)),
        (S.RUNNING, after(38)),
        (S.FINALIZING, after(60)),
    ]
    (attempt,) = run.attempts
    assert (attempt.asked_at, attempt.started_at, attempt.requeues) == (NOON, after(38), 1)


def test_a_lost_node_that_nobody_saw_is_on_the_timeline() -> None:
    run = advance(a_run(S.PROVISIONING), ended(started_at=after(9), requeues=1)).run
    running = run.timeline[-2]
    assert (running.status, running.note[:15]) == (S.RUNNING, "on another node")


def test_a_lost_node_that_nobody_saw_is_counted() -> None:
    run = advance(a_run(S.PROVISIONING), lost_its_node(2)).run
    assert (run.status, run.requeues, len(run.timeline)) == (S.PROVISIONING, 2, 3)
    (attempt,) = advance(run, ended(requeues=1)).run.attempts
    assert attempt.requeues == 2


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


def test_of_a_run_that_is_canceled_the_node_knows_best_too() -> None:
    run = advance(a_run(S.PROVISIONING), replace(runs(), at=after(30))).run
    run = advance(run, cancel_asked(after(35))).run
    gone = replace(taken_down(at=after(40)), prepared_at=after(5), started_at=after(8))
    timeline = advance(run, gone).run.timeline[-4:]
    assert [(m.status, m.at) for m in timeline] == [
        (S.PREPARING, after(5)),
        (S.RUNNING, after(8)),
        (S.CANCEL_REQUESTED, after(35)),
        (S.CANCELED, after(40)),
    ]


def test_how_often_an_attempt_began_anew_is_known_until_the_next() -> None:
    run = advance(a_run(S.RUNNING), ended("infrastructure", requeues=2)).run
    assert run.requeues == 2
    again = advance(run, taken_down()).run
    due = RetryDue(id="due", at=after(100), attempt=2)
    assert advance(again, due).run.requeues == 0


def test_a_clock_that_lags_does_not_turn_time_back() -> None:
    run = advance(a_run(S.PROVISIONING), replace(runs(), at=after(30))).run
    run = advance(run, ended(at=after(10))).run
    assert run.timeline[-1].at == after(30)
    assert run.heard_at == after(30)


def test_a_status_is_final_when_none_follows() -> None:
    assert {status for status in S if status.final} == {S.COMPLETED, S.FAILED, S.CANCELED}
    assert set(NEXT) == set(S)
