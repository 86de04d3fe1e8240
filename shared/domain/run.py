"""A run: one execution of a job, as the record keeps it."""

from dataclasses import dataclass, replace
from datetime import datetime
from itertools import dropwhile
from typing import Literal

from shared.domain.commands import Command
from shared.domain.errors import IllegalMove
from shared.domain.keys import attempt_key
from shared.domain.lineage import Read, Written
from shared.domain.status import NEXT, Status
from shared.domain.usage import Nodes, Usage, usage
from shared.jobs import CommandJob


@dataclass(frozen=True, slots=True)
class Moment:
    """When a status began, and why if the status alone doesn't say it."""

    status: Status
    at: datetime
    note: str = ""


@dataclass(frozen=True, slots=True)
class Problem:
    """Why a run failed: the service's or our code, a sentence, and what to do."""

    code: str
    message: str
    remedy: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """Who asked for the run."""

    kind: Literal["http", "data", "cron", "recurrence"]
    schedule: str | None = None
    path: str | None = None  # the changed file's path in container `data`; of several the first
    paths: tuple[str, ...] = ()  # of several the first few
    files: int = 0  # how many they are
    manifest: str | None = None  # of all with their versions, a datastore path
    traceparent: str | None = None  # W3C trace context of who asked over HTTP


@dataclass(frozen=True, slots=True)
class Verdict:
    """How the run goes on once its compute is gone; Queued stands for another attempt."""

    status: Literal[Status.COMPLETED, Status.FAILED, Status.CANCELED, Status.QUEUED]
    problem: Problem | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """An attempt that is over, with how it ended.

    cause: "none" when the script succeeded, "canceled", or who is to blame.  requeues: how often
    it was begun anew on another node, as its own was lost or taken away.
    """

    number: int
    asked_at: datetime
    started_at: datetime | None
    ended_at: datetime
    cause: str
    problem: Problem | None = None
    exit_code: int | None = None
    requeues: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """`attempt` is 0 until compute is asked for; `pending` are the commands of `last_event`.

    reads: the data inputs, resolved when the run was asked for.  writes: the declared outputs: from
    the start those with a path of their own, and all of them once the run is completed.
    attempts: those that are over.  requeues: of the present attempt.
    cancel_asked_at: when somebody first wished its end, whatever became of the message about it.
    usages: what each attempt took of compute, once that is taken down.
    """

    name: str
    job: CommandJob
    source: Source
    created_at: datetime
    status: Status = Status.NOT_STARTED
    timeline: tuple[Moment, ...] = ()
    attempt: int = 0
    image: str | None = None
    verdict: Verdict | None = None
    problem: Problem | None = None
    heard_at: datetime
    last_event: str = ""
    pending: tuple[Command, ...] = ()
    reads: tuple[Read, ...] = ()
    writes: tuple[Written, ...] = ()
    attempts: tuple[Attempt, ...] = ()
    requeues: int = 0
    cancel_asked_at: datetime | None = None
    usages: tuple[Usage, ...] = ()

    @property
    def max_attempts(self) -> int:
        return self.job.retry.max_attempts

    @property
    def leaves_lineage(self) -> bool:
        """Whether there is something to look at, and to register, once its script has ended."""
        return bool(self.reads or self.job.outputs)

    @property
    def key(self) -> str:
        """The present attempt's."""
        return attempt_key(self.name, self.attempt)

    @property
    def final(self) -> bool:
        return self.status.final

    @property
    def started_at(self) -> datetime | None:
        """When the script of the last attempt began."""
        return next((m.at for m in reversed(self.timeline) if m.status is Status.RUNNING), None)

    @property
    def asked_at(self) -> datetime | None:
        """When compute was asked for, for the last attempt: it can wait for a node many times."""
        asked = None
        for moment in reversed(self.timeline):
            if moment.status is Status.QUEUED:
                break
            if moment.status is Status.PROVISIONING:
                asked = moment.at
        return asked

    @property
    def ended_at(self) -> datetime | None:
        return self.timeline[-1].at if self.final and self.timeline else None

    def to(self, status: Status, at: datetime, note: str = "") -> "Run":
        """The run in its next status. Raises IllegalMove when the table doesn't allow it.

        A clock that lags behind the last entry's doesn't make time run backwards on the record.
        """
        if status not in NEXT[self.status]:
            raise IllegalMove(self.name, self.status, status)
        moment = Moment(status, max([at, *(m.at for m in self.timeline[-1:])]), note)
        return replace(self, status=status, timeline=(*self.timeline, moment))

    def with_note(self, status: Status, note: str) -> "Run":
        """The run with the note on the last entry of its timeline, when it is of this status."""
        *earlier, last = self.timeline
        if last.status is not status:
            return self
        return replace(self, timeline=(*earlier, replace(last, note=note)))

    def with_node_times(self, prepared: datetime | None, started: datetime | None) -> "Run":
        """The run with the moments that the node itself noted, in place of those the watch saw.

        Batch tells them only when asked, and between two ticks of the watch a short task passes
        unseen. A node that told nothing, being gone, leaves what the watch saw.
        """
        if prepared is None and started is None:
            return self
        last = max(i for i, m in enumerate(self.timeline) if m.status is Status.PROVISIONING)
        run = replace(self, timeline=self.timeline[: last + 1], status=Status.PROVISIONING)
        for status, at in ((Status.PREPARING, prepared), (Status.RUNNING, started)):
            if at is not None:
                run = run.to(status, at)
        for moment in self.timeline[last + 1 :]:
            if moment.status not in (Status.PREPARING, Status.RUNNING):
                run = run.to(moment.status, moment.at, moment.note)
        return run

    def released(self, nodes: Nodes | None, at: datetime) -> "Run":
        """The run with what its present attempt took of compute, noted once; None: nobody knows."""
        noted = any(one.attempt == self.attempt for one in self.usages)
        if nodes is None or noted or not self.attempt:
            return self
        return replace(self, usages=(*self.usages, self.usage(nodes, at)))

    def usage(self, nodes: Nodes, until: datetime) -> Usage:
        """What the present attempt took of compute until then. The run must have one."""
        asked = self.asked_at or until
        way = [(m.status, m.at) for m in self.timeline if m.at >= asked]
        moments = [*dropwhile(lambda moment: moment[0] is not Status.PROVISIONING, way)]
        last = max(until, self.timeline[-1].at)
        return usage(self.attempt, nodes, moments or [(Status.PROVISIONING, last)], last)


def new_run(
    name: str,
    job: CommandJob,
    source: Source,
    at: datetime,
    reads: tuple[Read, ...] = (),
    writes: tuple[Written, ...] = (),
) -> Run:
    return Run(
        name=name,
        job=job,
        source=source,
        created_at=at,
        heard_at=at,
        timeline=(Moment(Status.NOT_STARTED, at),),
        reads=reads,
        writes=writes,
    )
