"""The workflow: one function from (run, event) to (run, commands)."""

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final, assert_never

from shared.domain.commands import (
    BuildImage,
    Command,
    Conclude,
    Look,
    Notify,
    Provision,
    TakeDown,
    Wait,
)
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
from shared.domain.lineage import Written
from shared.domain.run import Attempt, Problem, Run, Verdict
from shared.domain.status import NEXT, Status
from shared.jobs.notifications import Occasion

_OCCASIONS: Final[dict[Status, Occasion]] = {
    Status.COMPLETED: "completed",
    Status.FAILED: "failed",
    Status.CANCELED: "canceled",
}
_ON_COMPUTE: Final = (Status.PROVISIONING, Status.PREPARING, Status.RUNNING)


@dataclass(frozen=True, slots=True)
class Decision:
    run: Run
    commands: tuple[Command, ...] = ()


def advance(run: Run, event: Event) -> Decision:
    """Return the run after the event, and what it now asks of the world. No I/O, no clock.

    Late, repeated and out-of-order events change nothing: each case says when it applies.
    """
    if event.id == run.last_event:
        return Decision(run, run.pending)  # delivered again: decided already, ask for the same
    if isinstance(event, NotifyDue):
        return Decision(run, (Notify(event.webhook, event.occasion, event.tries),))  # no new state
    decision = _cancel(run, event) if _is_to_be_canceled(run, event) else _decide(run, event)
    if decision.run.final and not run.final:
        decision = Decision(decision.run, (*decision.commands, *_notifications(decision.run)))
    if decision == Decision(run):
        return decision  # no trace either: what is pending stays there for a nudge to find
    heard = replace(
        decision.run,
        heard_at=max(run.heard_at, event.at),
        last_event=event.id,
        pending=decision.commands,
    )
    return Decision(heard, decision.commands)


def _notifications(run: Run) -> tuple[Notify, ...]:
    """Whom a run that has just ended tells of it."""
    occasions = [_OCCASIONS[run.status]]
    if run.status is Status.COMPLETED and any(_promoted(written) for written in run.writes):
        occasions.append("promoted")
    return tuple(
        Notify(number, occasion)
        for number, one in enumerate(run.job.notifications)
        for occasion in occasions
        if occasion in one.events
    )


def _promoted(written: Written) -> bool:
    return written.promotion is not None and written.promotion.promoted


def _decide(run: Run, event: Event) -> Decision:
    assert not isinstance(event, NotifyDue), "it changes no run"
    if run.final:
        return Decision(run)
    match event:
        case (
            Requested()
            | ImageReady()
            | ImagePending()
            | ImageFailed()
            | RetryDue()
            | NodesGranted()
        ):
            return _before_compute(run, event)
        case AttemptMoved() | AttemptPending() | AttemptEnded():
            return _on_compute(run, event) if _is_present(run, event) else Decision(run)
        case TakenDown() | Concluded():
            return _afterwards(run, event) if _is_present(run, event) else Decision(run)
        case CancelAsked():
            return _cancel(run, event)
        case Nudged():
            return Decision(run, run.pending)
    assert_never(event)


def _is_to_be_canceled(run: Run, event: Event) -> bool:
    """The wish stands on the record, and whatever comes next finds it; but an end is an end."""
    leaving = run.status in (Status.FINALIZING, Status.CANCEL_REQUESTED)
    over = isinstance(event, AttemptEnded | ImageFailed | TakenDown | Concluded)
    return run.cancel_asked_at is not None and not (run.final or leaving or over)


def _is_present(
    run: Run, event: AttemptMoved | AttemptPending | AttemptEnded | TakenDown | Concluded
) -> bool:
    return event.attempt == run.attempt > 0


def _before_compute(
    run: Run,
    event: Requested | ImageReady | ImagePending | ImageFailed | RetryDue | NodesGranted,
) -> Decision:
    building = run.status is Status.PREPARING and run.attempt == 0
    match event:
        case Requested() if run.status is Status.NOT_STARTED:
            return _start(run.to(Status.QUEUED, event.at), event)
        case ImageReady() if building:
            return _provision(replace(run, image=event.image), event)
        case ImagePending() if building:
            return Decision(run, (BuildImage(event.look),))
        case ImageFailed() if building:
            failed = run.to(Status.FAILED, event.at, "the environment could not be built")
            return Decision(replace(failed, problem=event.problem))
        case RetryDue() | NodesGranted() if _is_next(run, event.attempt):
            return _provision(run, event) if run.image else _start(run, event)
        case _:
            return Decision(run)  # late or repeated


def _is_next(run: Run, attempt: int) -> bool:
    return run.status is Status.QUEUED and attempt == run.attempt + 1


def _start(run: Run, event: Event) -> Decision:
    if run.problem is not None:  # found when it was asked for
        return _unfit(run, event, run.problem)
    environment = run.job.environment
    if environment.needs_build:
        return Decision(
            run.to(Status.PREPARING, event.at, f"environment {environment.short}"),
            (BuildImage(),),
        )
    return _provision(replace(run, image=environment.image), event)


def _unfit(run: Run, event: Event, problem: Problem) -> Decision:
    if run.status is not Status.PREPARING:
        run = run.to(Status.PREPARING, event.at)
    return Decision(run.to(Status.FAILED, event.at, problem.code))


def _provision(run: Run, event: Event) -> Decision:
    if run.problem is not None:
        return _unfit(run, event, run.problem)
    run = replace(run.to(Status.PROVISIONING, event.at), attempt=run.attempt + 1, requeues=0)
    return Decision(run, (Provision(run.attempt),))


def _on_compute(run: Run, event: AttemptMoved | AttemptPending | AttemptEnded) -> Decision:
    match event:
        case AttemptMoved(status=Status.PROVISIONING) if run.status in _ON_COMPUTE:
            return Decision(_requeued(run, event))
        case AttemptMoved() if run.status in _ON_COMPUTE and event.status in NEXT[run.status]:
            return Decision(run.to(event.status, event.at))
        case AttemptPending() if run.status in _ON_COMPUTE:
            return Decision(run, (Look(event.attempt, event.look),))
        case AttemptEnded() if run.status in _ON_COMPUTE:
            return _ended(run, event)
        case _:
            return Decision(run)  # late or repeated


def _requeued(run: Run, event: AttemptMoved) -> Run:
    """The same attempt waits for another node: its job stands, so there is nothing to ask for."""
    if event.requeues <= run.requeues:
        return run  # known
    if run.status is not Status.PROVISIONING:
        note = "its node was lost or taken away; the attempt begins anew on another one"
        run = run.to(Status.PROVISIONING, event.at, note)
    return replace(run, requeues=event.requeues)


def _afterwards(run: Run, event: TakenDown | Concluded) -> Decision:
    match event:
        case TakenDown() if run.status is Status.CANCEL_REQUESTED:
            return _canceled(run, event)
        case TakenDown() if run.status is Status.FINALIZING:
            return _taken_down(run.released(event.nodes, event.at), event)
        case Concluded() if _to_conclude(run):
            return _concluded(run, event)
        case _:
            return Decision(run)  # late or repeated


def _canceled(run: Run, event: TakenDown) -> Decision:
    """Set down what happened on the node before it was taken down."""
    note = run.timeline[-1].note
    run = run.with_node_times(event.prepared_at, event.started_at)
    run = replace(run, requeues=max(run.requeues, event.requeues))
    if event.started_at is not None:
        run = replace(run, attempts=tuple(_began(run, one) for one in run.attempts))
    run = run.released(event.nodes, event.at)
    return Decision(run.to(Status.CANCELED, event.at, note))


def _began(run: Run, one: Attempt) -> Attempt:
    if one.number != run.attempt or run.started_at is None:
        return one
    ended_at = max(one.ended_at, run.started_at)
    return replace(one, started_at=run.started_at, ended_at=ended_at, requeues=run.requeues)


def _ended(run: Run, event: AttemptEnded) -> Decision:
    """Set down what happened on the node, when it did, and take the compute down."""
    run = run.with_node_times(event.prepared_at, event.started_at)
    if event.requeues > run.requeues:  # and nobody saw it wait for another node
        run = run.with_note(Status.RUNNING, "on another node, as its own was lost or taken away")
    note = event.problem.code if event.problem else ""
    run = run.to(Status.FINALIZING, event.at, note)
    run = replace(run, verdict=_verdict(run, event), requeues=max(run.requeues, event.requeues))
    over = _over(run, event.at, event.cause)
    over = replace(over, problem=event.problem, exit_code=event.exit_code)
    run = replace(run, attempts=(*run.attempts, over))
    return Decision(run, (TakeDown(run.attempt, keep_logs=event.cause == "timeout"),))


def _over(run: Run, at: datetime, cause: str) -> Attempt:
    """The present attempt, which ends here."""
    asked = run.asked_at or at
    started = run.started_at
    return Attempt(
        number=run.attempt,
        asked_at=asked,
        started_at=started if started and started >= asked else None,
        ended_at=max(at, started or at),
        cause=cause,
        requeues=run.requeues,
    )


def _verdict(run: Run, event: AttemptEnded) -> Verdict:
    if event.cause == "none":
        return Verdict(Status.COMPLETED)
    again = run.job.retry.covers(event.cause, event.exit_code)
    if again and run.attempt < run.max_attempts:
        return Verdict(Status.QUEUED, event.problem)  # which a wish to cancel changes in the end
    return Verdict(Status.FAILED, event.problem)


def _taken_down(run: Run, event: TakenDown) -> Decision:
    verdict = run.verdict
    assert verdict is not None, "a run is only finalized with a verdict"
    if _to_conclude(run):
        return Decision(run, (Conclude(run.attempt),))
    if verdict.status is Status.QUEUED and run.cancel_asked_at is not None:
        return Decision(replace(run.to(Status.CANCELED, event.at), verdict=None))
    if verdict.status is not Status.QUEUED:
        done = run.to(verdict.status, event.at)
        return Decision(replace(done, problem=verdict.problem, verdict=None))
    seconds = run.job.retry.backoff.seconds(run.attempt)
    reason = verdict.problem.code if verdict.problem else "infrastructure"
    again = run.to(Status.QUEUED, event.at, f"attempt {run.attempt + 1} in {seconds} s ({reason})")
    return Decision(replace(again, verdict=None), (Wait(run.attempt + 1, seconds),))


def _to_conclude(run: Run) -> bool:
    """Whether what the run left is still to be looked at: only a success has something to show."""
    succeeded = run.verdict is not None and run.verdict.status is Status.COMPLETED
    return run.status is Status.FINALIZING and succeeded and run.leaves_lineage


def _concluded(run: Run, event: Concluded) -> Decision:
    reads = tuple(replace(read, changed=read.input in event.changed) for read in run.reads)
    run = replace(run, reads=reads, writes=event.writes, verdict=None)
    if event.problem is not None:
        failed = run.to(Status.FAILED, event.at, event.problem.code)
        return Decision(replace(failed, problem=event.problem))
    made = ", ".join(_made(written) for written in event.writes if written.asset)
    return Decision(run.to(Status.COMPLETED, event.at, f"registered {made}" if made else ""))


def _made(written: Written) -> str:
    return f"{written.asset}, now champion" if _promoted(written) else str(written.asset)


def _cancel(run: Run, event: Event) -> Decision:
    if run.status is Status.FINALIZING:
        if run.verdict and run.verdict.status is Status.QUEUED:
            return Decision(replace(run, verdict=Verdict(Status.CANCELED)), run.pending)
        return Decision(run, run.pending)  # it is over; its own end stands
    if run.status is Status.CANCEL_REQUESTED:
        return Decision(run, run.pending)
    note = event.note if isinstance(event, CancelAsked) else ""
    if run.attempt == 0 or run.status is Status.QUEUED:
        canceled = run.to(Status.CANCELED, event.at, note)
        return Decision(canceled)  # there is no compute to take down
    over = _over(run, event.at, "canceled")
    run = run.to(Status.CANCEL_REQUESTED, event.at, note)
    run = replace(run, attempts=(*run.attempts, over))
    return Decision(run, (TakeDown(run.attempt, keep_logs=True),))
