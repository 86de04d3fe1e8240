"""What becomes of an attempt as virtual time passes."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Literal

from shared.domain.events import Cause
from shared.domain.run import Problem
from shared.ports.compute import Order, Report
from tests.factories import NOON

Ending = Literal[
    "itself", "never allocated", "node lost", "preempted", "job expires", "vanishes", "refused"
]
#: How long Batch takes to delete a job; its id is taken until then.
DELETING = timedelta(seconds=20)


@dataclass(frozen=True, kw_only=True)
class Fate:
    """What becomes of an attempt: seconds spent in each phase, and how it ends.

    stopped: Batch ends a script that takes longer than it may.  exit_code: the script's, when it is
    to blame.  leaks: its pool outlives its job.  deleting: how long its job's id stays taken;
    pool_deleting: its pool's, from then on.
    """

    provisioning: float = 1
    preparing: float | None = 1
    running: float = 3
    cause: Cause = "none"
    ending: Ending = "itself"
    leaks: bool = False
    stopped: bool = False
    exit_code: int = 1
    deleting: timedelta = DELETING
    pool_deleting: timedelta = timedelta(0)


@dataclass
class Attempt:
    """waiting: for the pool of its compute.  requeued: it had a node before.

    tasked: its task was added to its job.  preempted: its node was taken away, once, as soon as
    its script had started.
    """

    order: Order
    fate: Fate
    created_at: datetime
    deleted_at: datetime | None = None
    waiting: bool = False
    requeued: bool = False
    tasked: bool = True
    preempted: bool = False
    made_at: datetime = field(default_factory=lambda: NOON)

    def at(self, seconds: float) -> datetime:
        return self.created_at + timedelta(seconds=seconds)

    @property
    def prepared_at(self) -> datetime:
        return self.at(self.fate.provisioning)

    @property
    def started_at(self) -> datetime:
        return self.at(self.fate.provisioning + (self.fate.preparing or 0))

    @property
    def over_at(self) -> datetime:
        return self.started_at + timedelta(seconds=self._lasts)

    @property
    def cause(self) -> Cause:
        """A script that takes longer than it may is ended by Batch."""
        over = self.fate.stopped and self.fate.running > self.order.timeout.total_seconds()
        return "timeout" if over else self.fate.cause

    @property
    def _lasts(self) -> float:
        most = self.order.timeout.total_seconds()
        return min(self.fate.running, most) if self.fate.stopped else self.fate.running

    def report(self, now: datetime) -> Report:
        """How its task stands."""
        if self.waiting or self.lost_its_node(now):
            # Of a lost node the task is back in the queue, forever.
            requeued = not self.waiting or self.requeued
            return Report(phase="provisioning", requeued=requeued, requeues=int(requeued))
        if self.fate.ending in ("never allocated", "job expires") or now < self.prepared_at:
            return Report(
                phase="provisioning", requeued=self.preempted, requeues=int(self.preempted)
            )
        if now < self.started_at:
            return Report(phase="preparing", prepared_at=self.prepared_at)
        return self._at_work(now)

    def lost_its_node(self, now: datetime) -> bool:
        """A node that is lost is so as soon as its script has started."""
        return self.fate.ending == "node lost" and now >= self.started_at

    def _at_work(self, now: datetime) -> Report:
        prepared, started, requeues = self.prepared_at, self.started_at, int(self.preempted)
        if now < self.over_at:
            return Report(
                phase="running", prepared_at=prepared, started_at=started, requeues=requeues
            )
        cause = self.cause
        problem = None if cause == "none" else Problem(cause.title(), f"It was the {cause}.")
        return Report(
            phase="ended",
            prepared_at=prepared,
            started_at=started,
            cause=cause,
            problem=problem,
            requeues=requeues,
            exit_code=self.fate.exit_code if cause == "script" else None,
        )
