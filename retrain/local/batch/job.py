"""A job: tasks that share a pool, a preparation, a release and an end."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, Final

from retrain.local.batch import durations
from retrain.local.batch.catalog import Catalog
from retrain.local.batch.dependencies import Dependencies
from retrain.local.batch.entity import Entity, stamp, without_nulls
from retrain.local.batch.errors import Refused
from retrain.local.batch.execution import Outcome
from retrain.local.batch.figures import figures
from retrain.local.batch.task import Task, failure_document

_TOO_LATE: Final = {
    "terminating": "JobBeingTerminated",
    "completed": "JobCompleted",
    "deleting": "JobBeingDeleted",
}


@dataclass(slots=True, kw_only=True, eq=False)
class NodeTask:
    """A run of the job's preparation or release task on one node, as the service shows it."""

    pool_id: str
    node_id: str
    node_url: str
    folder: str  # relative to the node's root
    started: str = field(default_factory=stamp)
    ended: str | None = None
    exit_code: int | None = None
    failure: dict[str, Any] | None = None
    result: str | None = None
    retries: int = 0
    last_retry: str | None = None
    stale: bool = False  # of a time before the node's last reboot; to be run again

    def end(self, outcome: Outcome) -> None:
        """Keep how it ended."""
        self.ended = stamp()
        self.exit_code = outcome.exit_code
        self.result = "success" if outcome.succeeded else "failure"
        self.failure = None if outcome.succeeded else failure_document(outcome)

    def document(self) -> dict[str, Any]:
        """The properties that preparation and release have in common."""
        return without_nulls(
            {
                "startTime": self.started,
                "endTime": self.ended,
                "state": "completed" if self.ended else "running",
                "taskRootDirectory": self.folder,
                "taskRootDirectoryUrl": f"{self.node_url}/files/{self.folder}",
                "exitCode": self.exit_code,
                "failureInfo": self.failure,
                "result": self.result,
            }
        )

    def preparation_document(self) -> dict[str, Any]:
        """A preparation also counts its retries."""
        document = {**self.document(), "retryCount": self.retries}
        return document | ({"lastRetryTime": self.last_retry} if self.last_retry else {})

    def record(self) -> dict[str, Any]:
        """What the store keeps; the constructor takes it back."""
        return {name: getattr(self, name) for name in self.__dataclass_fields__}


@dataclass(slots=True, kw_only=True, eq=False)
class Job(Entity):
    """`tasks` by id in lower case, in order of addition.

    `waiting` are the active ones that depend on nothing any more.
    """

    KIND: ClassVar[str] = "job"
    NEXT: ClassVar[Mapping[str, tuple[str, ...]]] = {
        "active": ("disabling", "terminating", "deleting"),
        "disabling": ("disabled", "enabling", "terminating", "deleting"),
        "disabled": ("enabling", "terminating", "deleting"),
        "enabling": ("active", "terminating", "deleting"),
        "terminating": ("completed", "deleting"),
        "completed": ("deleting",),
        "deleting": (),
    }
    KEPT: ClassVar[tuple[str, ...]] = (
        *Entity.KEPT,
        *("pool_id", "ended", "reason", "forced", "schedule"),
    )

    endpoint: str
    state: str = "active"
    pool_id: str | None = None
    ended: str | None = None
    reason: str | None = None
    forced: bool = False
    schedule: str | None = None  # id of the job schedule that made it, as `<schedule>:job-<n>`
    tasks: Catalog[Task] = field(default_factory=Catalog)
    waiting: OrderedDict[str, Task] = field(default_factory=OrderedDict)
    dependencies: Dependencies = field(default_factory=Dependencies)
    running: set[Task] = field(default_factory=set)
    preparations: dict[str, NodeTask] = field(default_factory=dict)
    releases: dict[str, NodeTask] = field(default_factory=dict)
    preparing: dict[str, asyncio.Task[bool]] = field(default_factory=dict)
    open_tasks: int = 0  # not completed
    next_task: int = 0
    quiet: asyncio.Event = field(default_factory=asyncio.Event)  # nothing of it runs
    clock: asyncio.TimerHandle | None = None
    winding: bool = False

    def record(self) -> dict[str, Any]:
        """The job with the runs of its preparation and release."""
        return Entity.record(self) | {
            "preparations": {k: v.record() for k, v in self.preparations.items()},
            "releases": {k: v.record() for k, v in self.releases.items()},
        }

    @property
    def url(self) -> str:
        """The job's address."""
        return f"{self.endpoint}/jobs/{self.id}"

    @property
    def priority(self) -> int:
        """-1000 to 1000; jobs with a higher one are served first."""
        return int(self.spec.get("priority") or 0)

    @property
    def folder(self) -> str:
        """Where its tasks live on a node, relative to the node's root."""
        item, _, name = self.id.partition(":")
        return f"workitems/{item}/{name or 'job-1'}"

    @property
    def name(self) -> str:
        """The id as part of a file's or a container's name."""
        return self.id.replace(":", ".")

    @property
    def preparation(self) -> dict[str, Any] | None:
        """The specification of the job preparation task."""
        return self.spec.get("jobPreparationTask")

    @property
    def release(self) -> dict[str, Any] | None:
        """The specification of the job release task."""
        return self.spec.get("jobReleaseTask")

    @property
    def manager(self) -> dict[str, Any] | None:
        """The specification of the job manager task."""
        return self.spec.get("jobManagerTask")

    @property
    def ends_with_manager(self) -> bool:
        """The end of the job manager task is the job's."""
        return (self.manager or {}).get("killJobOnCompletion", True) is not False

    @property
    def auto_pool(self) -> dict[str, Any] | None:
        """The specification of its auto pool."""
        return (self.spec.get("poolInfo") or {}).get("autoPoolSpecification")

    @property
    def wall_clock_seconds(self) -> float | None:
        """None means no limit; counted from the job's creation."""
        return durations.seconds(
            (self.spec.get("constraints") or {}).get("maxWallClockTime") or durations.UNLIMITED
        )

    @property
    def ends_when_done(self) -> bool:
        """Active, told to end after its last task, and that one is over (or there is none)."""
        return self.terminates_when_done and self.state == "active" and self.open_tasks == 0

    @property
    def terminates_when_done(self) -> bool:
        """The end of all its tasks is to be its own."""
        return str(self.spec.get("onAllTasksComplete")).lower() == "terminatejob"

    @property
    def acts_on_failure(self) -> bool:
        """Its tasks' exit options may end or disable it."""
        return str(self.spec.get("onTaskFailure")).lower() == "performexitoptionsjobaction"

    def enqueue(self, task: Task) -> None:
        """Let a new active task wait for a node, unless it depends on others first."""
        if not self.dependencies.holds(task):
            self.waiting[task.id.lower()] = task

    def remove(self, task: Task) -> None:
        """The task is no more."""
        name = task.id.lower()
        del self.tasks[name]
        self.waiting.pop(name, None)
        self.dependencies.forget(task)
        self.open_tasks -= task.state != "completed"

    def settle(self, task: Task) -> None:
        """The task is completed: what depended on it may go on, if its end satisfies."""
        if self.spec.get("usesTaskDependencies") and task.satisfies_dependents:
            for child in self.dependencies.satisfy(task):
                self.waiting[child.id.lower()] = child

    def demand_open(self) -> None:
        """Raises Refused when the job is past the point where it could be changed."""
        if self.state in _TOO_LATE:
            raise Refused(_TOO_LATE[self.state])

    def may_start_more(self) -> bool:
        """False when as many run as maxParallelTasks lets."""
        limit = int(self.spec.get("maxParallelTasks") or -1)
        return bool(self.waiting) and (limit == -1 or len(self.running) < limit)

    def statistics(self) -> dict[str, Any] | None:
        """What its tasks used so far."""
        return figures(self.tasks.values()).of_many(self.url, self.created)

    def document(self) -> dict[str, Any]:
        """The job as JSON."""
        execution = {
            "startTime": self.created,
            "endTime": self.ended,
            "poolId": self.pool_id,
            "terminateReason": self.reason if self.ended else None,
        }
        return {
            "priority": 0,
            "maxParallelTasks": -1,
            "allowTaskPreemption": False,
            "usesTaskDependencies": False,
            "onAllTasksComplete": "noaction",
            "onTaskFailure": "noaction",
            **self.spec,
            **self.stamps(),
            "url": self.url,
            "constraints": {
                "maxWallClockTime": durations.UNLIMITED,
                "maxTaskRetryCount": 0,
                **(self.spec.get("constraints") or {}),
            },
            "executionInfo": without_nulls(execution),
        }
