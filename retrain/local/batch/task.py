"""A task: the caller's specification, and what became of it on which node."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar, Final, Literal

from retrain.local.batch import durations, exits
from retrain.local.batch.entity import Entity, stamp, without_nulls
from retrain.local.batch.execution import Failure, Outcome, Usage
from retrain.local.batch.figures import figures

if TYPE_CHECKING:
    from retrain.local.batch.job import Job

#: Why a running task is being killed, other than by its own wall clock.
Verdict = Literal["terminate", "requeue", "delete"]

ENDED_BY_USER: Final = Failure("usererror", "TaskEnded", "Task Was Ended by User Request")


@dataclass(slots=True, kw_only=True, eq=False)
class Task(Entity):
    """active → preparing (waits for the job preparation) → running → completed."""

    KIND: ClassVar[str] = "task"
    NEXT: ClassVar[Mapping[str, tuple[str, ...]]] = {
        "active": ("preparing", "running", "completed"),
        "preparing": ("active", "running", "completed"),
        "running": ("active", "completed"),
        "completed": ("active",),
    }
    KEPT: ClassVar[tuple[str, ...]] = (
        *Entity.KEPT,
        *("started", "ended", "exit_code", "failure", "result", "retries", "last_retry"),
        *("requeues", "last_requeue", "node", "runs", "usage", "subtasks"),
    )

    job: Job
    state: str = "active"
    started: str | None = None
    ended: str | None = None
    exit_code: int | None = None
    failure: dict[str, Any] | None = None
    result: str | None = None
    retries: int = 0
    last_retry: str | None = None
    requeues: int = 0
    last_requeue: str | None = None
    node: dict[str, str] | None = None  # nodeInfo
    runs: int = 0
    usage: dict[str, Any] = field(default_factory=dict)  # see Figures: of all runs together
    subtasks: list[dict[str, Any]] = field(default_factory=list)
    verdict: Verdict | None = field(default=None, compare=False)
    held: int = 0  # slots of the node it is on, or was
    turn: int = 0  # counts up with each start of a task, of all tasks

    @property
    def key(self) -> tuple[str, str]:
        """Ids of tasks are unique in their job."""
        return self.KIND, f"{self.job.id}/{self.id}".lower()

    @property
    def run_key(self) -> str:
        """Names this run of the task on its node."""
        return f"{self.job.name}--{self.id}--{self.runs}"

    @property
    def slots(self) -> int:
        """How many of a node's slots it takes."""
        return self.held or int(self.spec.get("requiredSlots") or 1)

    @property
    def instances(self) -> int:
        """How many nodes it takes at once: 0 when it is no multi-instance task."""
        settings = self.spec.get("multiInstanceSettings")
        return 0 if settings is None else int(settings.get("numberOfInstances") or 1)

    @property
    def affinity(self) -> str | None:
        """Of the node it would rather run on."""
        affinity: str | None = (self.spec.get("affinityInfo") or {}).get("affinityId")
        return affinity

    @property
    def manages(self) -> bool:
        """It is the job manager task of its job."""
        manager = self.job.manager
        return manager is not None and manager["id"].lower() == self.id.lower()

    @property
    def exclusive(self) -> bool:
        """Nothing may run beside it on its node."""
        return self.manages and (self.job.manager or {}).get("runExclusive", True) is not False

    @property
    def allows_low_priority(self) -> bool:
        """It may run on a node that can be preempted."""
        manager = (self.job.manager or {}) if self.manages else {}
        return manager.get("allowLowPriorityNode") is not False

    @property
    def max_retries(self) -> int:
        """-1 means no limit. The task's own, else the job's."""
        for spec in (self.spec, self.job.spec):
            limit = (spec.get("constraints") or {}).get("maxTaskRetryCount")
            if limit is not None:
                return int(limit)
        return 0

    @property
    def exit(self) -> exits.Exit:
        """How it ended, for the conditions that speak of it."""
        return exits.Exit(self.exit_code, (self.failure or {}).get("code"))

    @property
    def satisfies_dependents(self) -> bool:
        """Completed in a way that lets those that depend on it go on."""
        return self.state == "completed" and exits.satisfies(self.spec, self.exit)

    @property
    def url(self) -> str:
        """The task's address."""
        return f"{self.job.url}/tasks/{self.id}"

    def record(self) -> dict[str, Any]:
        """The task with its job's id."""
        return Entity.record(self) | {"job": self.job.id}

    def start(self) -> None:
        """To running: now its resource files are fetched and the process follows."""
        self.to("running")
        self.started, self.ended = self.state_since, None
        self.exit_code = self.failure = self.result = None

    def complete(self, outcome: Outcome) -> None:
        """To completed, with the outcome's exit code and failure."""
        self.to("completed")
        self.ended = self.state_since
        self.exit_code = outcome.exit_code
        self.result = "success" if outcome.succeeded else "failure"
        self.failure = None if outcome.succeeded else failure_document(outcome)

    def may_retry(self, outcome: Outcome) -> bool:
        """Only a process that ended with a non-zero exit code is tried again."""
        if outcome.exit_code in (None, 0):
            return False
        if outcome.failure is not None and outcome.failure.code != "FailureExitCode":
            return False
        return self.max_retries == -1 or self.retries < self.max_retries

    def spend(self, seconds: float, used: Usage | None) -> None:
        """Count what a run took."""
        spent = {"wall": seconds, **(asdict(used) if used else {})}
        for name, amount in spent.items():
            self.usage[name] = self.usage.get(name, 0) + amount

    def statistics(self) -> dict[str, Any] | None:
        """What it used; nothing is known before it ran."""
        if not self.usage:
            return None
        return figures([self]).of_task(self.url, self.created)

    def retry(self, outcome: Outcome) -> None:
        """Back to active after a failed try, which stays visible."""
        self.exit_code, self.failure = outcome.exit_code, failure_document(outcome)
        self.result = "failure"
        self.ended = stamp()
        self.retries += 1
        self.last_retry = self.ended
        self.to("active")

    def requeue(self) -> None:
        """Back to active because its node went away; not a retry."""
        self.requeues += 1
        self.last_requeue = stamp()
        self.started = None
        self.to("active")

    def reactivate(self) -> None:
        """A failed task gets another life, with its retries counted anew."""
        self.to("active")
        self.retries, self.last_retry = 0, None
        self.started = self.ended = self.result = None
        self.exit_code = self.failure = None

    def execution_document(self) -> dict[str, Any]:
        """The property executionInfo."""
        return without_nulls(
            {
                "startTime": self.started,
                "endTime": self.ended,
                "exitCode": self.exit_code,
                "failureInfo": self.failure,
                "retryCount": self.retries,
                "lastRetryTime": self.last_retry,
                "requeueCount": self.requeues,
                "lastRequeueTime": self.last_requeue,
                "result": self.result,
            }
        )

    def document(self) -> dict[str, Any]:
        """The task as JSON."""
        constraints = {
            "maxWallClockTime": durations.UNLIMITED,
            "retentionTime": durations.WEEK,
            "maxTaskRetryCount": self.max_retries,
            **(self.spec.get("constraints") or {}),
        }
        document = {
            "requiredSlots": 1,
            "userIdentity": {"autoUser": {"scope": "pool", "elevationLevel": "nonadmin"}},
            **self.spec,
            **self.stamps(),
            "url": self.url,
            "constraints": constraints,
            "executionInfo": self.execution_document(),
        }
        if self.node:
            document["nodeInfo"] = self.node
        return document


def failure_document(outcome: Outcome) -> dict[str, Any]:
    """The property failureInfo of an outcome that is no success."""
    failure = outcome.failure or Failure(
        "usererror",
        "FailureExitCode",
        "The task exited with an exit code representing a failure",
        (("Message", "The task exited with an exit code representing a failure"),),
    )
    return {
        "category": failure.category,
        "code": failure.code,
        "message": failure.message,
        "details": [{"name": name, "value": value} for name, value in failure.details],
    }
