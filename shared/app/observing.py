"""Looking at an attempt, and telling its run what was seen."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from shared.domain.events import AttemptEnded, AttemptMoved, AttemptPending, Cause
from shared.domain.keys import attempt_key, is_run_name
from shared.domain.run import Problem
from shared.domain.status import Status
from shared.ports.bus import Bus
from shared.ports.compute import Compute, Report
from shared.ports.runs import Summary

#: The empty blob that Batch uploads last of all that a task left.
MARKER: Final = "ended"
LOST: Final = Problem(
    "ComputeLost",
    "The run's Batch job is gone, though nobody of Retrain deleted it.",
    "Look in the Batch account's activity log for who did.",
)
JOB_ENDED: Final = Problem(
    "ComputeEnded",
    "The run's Batch job was ended before its script had begun, and nobody of Retrain did that.",
    "Look in the Batch account's activity log for who did.",
)
JOB_EXPIRED: Final = Problem(
    "ComputeExpired",
    "The time that the run's Batch job may take was over before its script had begun: it waited "
    "for a node, or the node prepared, all the while.",
    "Nothing, if another attempt ends well; on a named compute raise max_instances, or start less "
    "at once.",
)
#: The service's word for a job that ended because its time was over.
EXPIRED: Final = "MaxWallClockTimeExpiry"
NODE_LOST: Final = Problem(
    "NodeLost",
    "The run's node became unusable, and Azure Batch has no other one for it.",
    "Nothing, if another attempt ends well; else look at the pool's nodes in the Batch account.",
)
OVERRUN: Final = Problem(
    "Timeout",
    "The script ran longer than it may, and Azure Batch did not stop it; so Retrain did.",
    "Raise limits.timeout (24 h when the job sets none), or make the script faster.",
)
TAKEN_AWAY: Final = Problem(
    "NodeTakenAway",
    "The run's node was taken away, or lost, while it worked there.",
    "Nothing, if another attempt ends well; nodes of tier dedicated are not taken away.",
)
NO_NODE: Final = Problem(
    "NoNode",
    "The run got no node within an hour, and Azure Batch does not say why.",
    "Nothing, if another attempt ends well; else look at the Batch job and its pool.",
)
NOT_READY: Final = Problem(
    "NodeNotReady",
    "The run's node was not ready for the script within an hour: it unpacks the code, pulls the "
    "image and downloads the inputs before.",
    "Nothing, if another attempt ends well; else see whether the inputs are too large for it.",
)
_OVERDUE: Final = {True: NO_NODE, False: NOT_READY}
_PREPARES: Final = ("preparing", Status.PROVISIONING)
_SECONDS = (1, 1, 2, 4, 8, 15)  # between looks at a task whose marker was seen; the last one holds
#: So often it is looked at, four minutes or so; the watch does the rest. A node that is lost just
#: then has its task run anew, for days perhaps, and to a clock that is behind each look is due.
LOOKS: Final = 20


@dataclass(frozen=True, slots=True)
class Observer:
    compute: Compute
    bus: Bus
    now: Callable[[], datetime]

    def landed(self, path: str) -> None:
        """A blob `<run>/<attempt>/ended` landed. Others fit the trigger's pattern too, such as
        `<run>/1/outputs/ended`: they are the script's own, and tell nothing."""
        run, _, rest = path.partition("/")
        attempt, _, file = rest.partition("/")
        if is_run_name(run) and attempt.isdecimal() and file == MARKER:
            self.observe(run, int(attempt))

    def observe(self, run: str, attempt: int, *, look: int = 0, tag: str = "") -> bool:
        """Tell the run that its attempt has ended; look again later if it hasn't. True if it has.

        Batch uploads the marker before it calls the task completed, so the first look can be early.
        tag: tells the watch's messages from the others, so that it can repair a lost one.
        """
        key, now = attempt_key(run, attempt), self.now()
        report = self.compute.report(key)
        if report is None:
            self.lost(run, attempt, tag)
            return True
        if report.phase == "ended":
            self.ended(run, attempt, report, tag)
            return True
        if not tag and look < LOOKS:
            later = now + timedelta(seconds=_SECONDS[min(look, len(_SECONDS) - 1)])
            pending = AttemptPending(
                id=f"{key}-look-{look + 1}", at=later, attempt=attempt, look=look + 1
            )
            self.bus.event(run, pending, after=later)
        return False

    def look(self, run: Summary, tag: str, *, overdue: bool, waits: bool) -> None:
        """For the watch: tell the run how its attempt stands, unless that is nothing new.

        overdue: what comes before the script takes longer than it ever should.  waits: an attempt
        whose node was lost gets another one, if it only waits.
        """
        name, attempt = run.name, run.attempt
        report = self.compute.report(attempt_key(name, attempt))
        if report is None:
            self.lost(name, attempt, tag)
        elif report.phase == "ended":
            self.ended(name, attempt, report, tag)
        elif report.requeued and not waits:
            self.lost(name, attempt, tag, TAKEN_AWAY)
        elif overdue and report.phase != "running":
            self.lost(name, attempt, tag, _OVERDUE[run.status is Status.PROVISIONING])
        elif seen := _news(run.status, report):
            self.moved(name, attempt, seen, tag, report.requeues)

    def overrun(self, run: Summary, tag: str) -> None:
        """For the watch: end an attempt whose script runs on, though Batch should have stopped it,
        unless it is over."""
        if self.observe(run.name, run.attempt, tag=tag):
            return
        self._given_up(run.name, run.attempt, tag, "timeout", OVERRUN)

    def ended(self, run: str, attempt: int, report: Report, tag: str = "") -> None:
        """Tell the run how its attempt ended."""
        event = AttemptEnded(
            id=f"{attempt_key(run, attempt)}-ended{tag}",
            at=self.now(),
            attempt=attempt,
            cause=report.cause,
            problem=report.problem,
            prepared_at=report.prepared_at,
            started_at=report.started_at,
            exit_code=report.exit_code,
            requeues=report.requeues,
        )
        self.bus.event(run, event)

    def lost(self, run: str, attempt: int, tag: str, problem: Problem = LOST) -> None:
        """Tell the run that its compute is gone, or good for nothing."""
        self._given_up(run, attempt, tag, "infrastructure", problem)

    def unplaced(self, run: str, attempt: int, tag: str, problem: Problem) -> None:
        """Tell the run that there is nowhere to run, nor will there be."""
        self._given_up(run, attempt, tag, "configuration", problem)

    def _given_up(self, run: str, attempt: int, tag: str, cause: Cause, problem: Problem) -> None:
        key = attempt_key(run, attempt)
        ended = AttemptEnded(
            id=f"{key}-lost{tag}", at=self.now(), attempt=attempt, cause=cause, problem=problem
        )
        self.bus.event(run, ended)

    def moved(self, run: str, attempt: int, status: Status, tag: str, requeues: int = 0) -> None:
        """Tell the run that its attempt prepares or runs, or waits for another node."""
        if status not in (Status.PROVISIONING, Status.PREPARING, Status.RUNNING):
            raise ValueError(f"{status} is nothing that an attempt is seen in")
        event = AttemptMoved(
            id=f"{attempt_key(run, attempt)}-{status.lower()}{tag}",
            at=self.now(),
            attempt=attempt,
            status=status,
            requeues=requeues,
        )
        self.bus.event(run, event)


def _news(known: Status, report: Report) -> Status | None:
    """In which status the attempt is by now, or None."""
    if report.phase == "running":
        return Status.RUNNING if known is not Status.RUNNING else None
    if report.requeued:
        return Status.PROVISIONING if known is Status.RUNNING else None
    return Status.PREPARING if (report.phase, known) == _PREPARES else None
