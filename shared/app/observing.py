"""Looking at an attempt, and telling its run what was seen."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from shared.domain.events import AttemptEnded, AttemptMoved, AttemptPending
from shared.domain.keys import attempt_key
from shared.domain.run import Problem
from shared.domain.status import Status
from shared.ports.bus import Bus
from shared.ports.compute import Compute

LOST = Problem(
    "ComputeLost",
    "The run's Batch job is gone, though nobody of Retrain deleted it.",
    "Look in the Batch account's activity log for who did.",
)
_SECONDS = (1, 1, 2, 4, 8, 15)  # between looks at a task whose marker was seen; the last one holds


@dataclass(frozen=True, slots=True)
class Observer:
    compute: Compute
    bus: Bus
    now: Callable[[], datetime]

    def observe(self, run: str, attempt: int, *, look: int = 0, tag: str = "") -> None:
        """Tell the run that its attempt has ended; look again later if it hasn't.

        Batch uploads the marker before it calls the task completed, so the first look can be early.
        tag: tells the watch's messages from the others, so that it can repair a lost one.
        """
        key, now = attempt_key(run, attempt), self.now()
        report = self.compute.report(key)
        if report is None:
            self.lost(run, attempt, tag)
        elif report.phase == "ended":
            ended = AttemptEnded(
                id=f"{key}-ended{tag}",
                at=now,
                attempt=attempt,
                cause=report.cause,
                problem=report.problem,
                prepared_at=report.prepared_at,
                started_at=report.started_at,
            )
            self.bus.event(run, ended)
        elif not tag:
            later = now + timedelta(seconds=_SECONDS[min(look, len(_SECONDS) - 1)])
            pending = AttemptPending(
                id=f"{key}-look-{look + 1}", at=later, attempt=attempt, look=look + 1
            )
            self.bus.event(run, pending, after=later)

    def lost(self, run: str, attempt: int, tag: str) -> None:
        """Tell the run that its compute is gone."""
        key = attempt_key(run, attempt)
        ended = AttemptEnded(
            id=f"{key}-lost{tag}", at=self.now(), attempt=attempt,
            cause="infrastructure", problem=LOST,
        )  # fmt: skip
        self.bus.event(run, ended)

    def moved(self, run: str, attempt: int, status: Status, tag: str) -> None:
        """Tell the run that its attempt prepares or runs."""
        if status not in (Status.PREPARING, Status.RUNNING):
            raise ValueError(f"{status} is nothing that an attempt is seen in")
        event = AttemptMoved(
            id=f"{attempt_key(run, attempt)}-{status.lower()}{tag}",
            at=self.now(),
            attempt=attempt,
            status=status,
        )
        self.bus.event(run, event)
