"""A node of a pool: slots on this machine, with a folder of its own as its root."""

from __future__ import annotations

import asyncio
import hashlib
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

from retrain.local.batch.entity import moment_of, stamp, without_nulls
from retrain.local.batch.execution import Outcome
from retrain.local.batch.task import Task, failure_document
from retrain.local.batch.vm_sizes import cores

if TYPE_CHECKING:
    from retrain.local.batch.pool import Pool

#: States in which a node's tasks, and its scheduling state, say which of them it is in.
WORKING: Final = ("idle", "running", "offline")

#: States that outlast a restart of the emulator, which is a reboot for all other nodes.
LASTING: Final = ("preempted", "unusable", "deallocated")


@dataclass(slots=True)
class StartRun:
    """A run of the pool's start task on a node, as `startTaskInfo` shows it."""

    started: str = field(default_factory=stamp)
    ended: str | None = None
    outcome: Outcome | None = None
    retries: int = 0
    last_retry: str | None = None

    def retry(self) -> None:
        """Count another try."""
        self.retries += 1
        self.last_retry = stamp()

    def end(self, outcome: Outcome) -> None:
        """Keep how it ended."""
        self.ended, self.outcome = stamp(), outcome

    def document(self) -> dict[str, Any]:
        """The property startTaskInfo."""
        outcome = self.outcome
        failed = outcome is not None and not outcome.succeeded
        return without_nulls(
            {
                "state": "completed" if outcome else "running",
                "startTime": self.started,
                "endTime": self.ended,
                "exitCode": outcome.exit_code if outcome else None,
                "failureInfo": failure_document(outcome) if outcome and failed else None,
                "retryCount": self.retries,
                "lastRetryTime": self.last_retry,
                "result": ("failure" if failed else "success") if outcome else None,
            }
        )


@dataclass(slots=True, kw_only=True, eq=False)
class ComputeNode:
    """`ordinal` is unique in its pool, forever; `start_task` is the one it was booted with.

    `turn` counts the ways it was sent on (boot, reboot, …), so that an overtaken one notices.
    """

    pool: Pool
    ordinal: int
    dedicated: bool
    state: str = "creating"
    since: str = field(default_factory=stamp)
    allocated: str = field(default_factory=stamp)
    booted: str = field(default_factory=stamp)
    scheduling: str = "enabled"
    leaving: bool = False
    left: str = "idle"  # the state it was in when it had to leave
    errors: list[dict[str, Any]] = field(default_factory=list)
    start_task: dict[str, Any] | None = None
    start_run: StartRun | None = None
    starting: asyncio.Task[None] | None = None  # the start task, while it runs
    turn: int = 0
    disk: asyncio.Lock = field(default_factory=asyncio.Lock)  # held while it is wiped
    used: int = 0
    running: set[Task] = field(default_factory=set)
    empty: asyncio.Event = field(default_factory=asyncio.Event)  # set when the last task left
    recent: list[Task] = field(default_factory=list)
    total: int = 0
    succeeded: int = 0

    @property
    def id(self) -> str:
        """Like the service's: tvmps_<hash>_d, or _p for a low-priority node."""
        name = f"{self.pool.id.lower()}:{self.pool.created}:{self.ordinal}"
        kind = "d" if self.dedicated else "p"
        return f"tvmps_{hashlib.sha256(name.encode()).hexdigest()[:20]}_{kind}"

    @property
    def url(self) -> str:
        """The node's address."""
        return f"{self.pool.url}/nodes/{self.id}"

    @property
    def free(self) -> int:
        """Slots that could take a task now."""
        return self.pool.slots - self.used if self.ready else 0

    @property
    def ready(self) -> bool:
        """It may take tasks, if it has slots for them."""
        ready = self.state in ("idle", "running") and not self.leaving
        return ready and self.scheduling == "enabled"

    @property
    def waits_for_start_task(self) -> bool:
        """True when it may take tasks only after its start task succeeded."""
        return self.start_task is not None and self.start_task.get("waitForSuccess") is not False

    @property
    def has_machine(self) -> bool:
        """False while it waits for one."""
        state = self.left if self.leaving else self.state
        return state not in ("creating", "preempted", "deallocated")

    @property
    def failed_start(self) -> bool:
        """True unless its start task has succeeded."""
        return self.start_run is None or not (
            self.start_run.outcome is not None and self.start_run.outcome.succeeded
        )

    def to(self, state: str) -> None:
        """Move to another state."""
        if state != self.state:
            self.state, self.since = state, stamp()

    def work(self) -> None:
        """To the one of the working states that its tasks and its scheduling state ask for."""
        resting = "idle" if self.scheduling == "enabled" else "offline"
        self.to("running" if self.running else resting)

    def take(self, task: Task) -> None:
        """Give the task its slots."""
        self.used += task.slots
        self.total += 1
        self.running.add(task)
        self.empty.clear()
        self.recent = [task, *self.recent[:9]]
        self.to("running")

    def give_back(self, task: Task) -> None:
        """The task is over here."""
        self.used -= task.slots
        self.running.discard(task)
        self.succeeded += task.result == "success" and task.state == "completed"
        if not self.running:
            self.empty.set()
        if self.state in WORKING:
            self.work()

    def core_seconds(self, now: datetime) -> float:
        """Cores times seconds since it got its machine."""
        seconds = (now - moment_of(self.allocated)).total_seconds()
        return seconds * cores(str(self.pool.spec["vmSize"]))

    def record(self) -> dict[str, Any]:
        """What the store keeps; what a reboot would reset is not in it."""
        kept = self.state if self.state in LASTING else "creating"
        return {
            "ordinal": self.ordinal,
            "dedicated": self.dedicated,
            "allocated": self.allocated,
            "scheduling": self.scheduling,
            "state": kept,
            "errors": self.errors,
        }

    def document(self) -> dict[str, Any]:
        """The node as JSON."""
        configuration = self.pool.spec.get("virtualMachineConfiguration") or {}
        return without_nulls(
            {
                "id": self.id,
                "url": self.url,
                "state": self.state,
                "schedulingState": self.scheduling,
                "stateTransitionTime": self.since,
                "lastBootTime": self.booted,
                "allocationTime": self.allocated,
                "ipAddress": "127.0.0.1",
                "ipv6Address": "::1",
                "affinityId": f"TVM:{self.id}",
                "vmSize": self.pool.spec["vmSize"],
                "totalTasksRun": self.total,
                "runningTasksCount": len(self.running),
                "runningTaskSlotsCount": self.used,
                "totalTasksSucceeded": self.succeeded,
                "recentTasks": [self._recent_document(task) for task in self.recent],
                "startTask": self.start_task,
                "startTaskInfo": self.start_run.document() if self.start_run else None,
                "errors": self.errors or None,
                "isDedicated": self.dedicated,
                "endpointConfiguration": {"inboundEndpoints": []},
                "nodeAgentInfo": {"version": "retrain", "lastUpdateTime": self.booted},
                "virtualMachineInfo": {"imageReference": configuration.get("imageReference") or {}},
            }
        )

    def _recent_document(self, task: Task) -> dict[str, Any]:
        return {
            "taskUrl": task.url,
            "jobId": task.job.id,
            "taskId": task.id,
            "taskState": task.state,
            "executionInfo": task.execution_document(),
        }
