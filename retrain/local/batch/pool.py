"""A pool and its nodes: slots on this machine, each with a folder of its own as its root."""

from __future__ import annotations

import asyncio
import hashlib
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, Final

from retrain.local.batch.entity import Entity, stamp, without_nulls
from retrain.local.batch.task import Task

NODE_STATES: Final = (
    *("creating", "idle", "offline", "preempted", "rebooting", "reimaging", "running"),
    *("starting", "startTaskFailed", "leavingPool", "unknown", "unusable"),
    *("waitingForStartTask", "deallocated", "deallocating", "upgradingOS"),
)


@dataclass(slots=True, kw_only=True, eq=False)
class ComputeNode:
    """One node: `ordinal` is unique in its pool, forever. Not stored: a restart is a reboot."""

    pool: Pool
    ordinal: int
    dedicated: bool
    state: str = "creating"
    since: str = field(default_factory=stamp)
    allocated: str = field(default_factory=stamp)
    booted: str = field(default_factory=stamp)
    leaving: bool = False
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
        ready = self.state in ("idle", "running") and not self.leaving
        return self.pool.slots - self.used if ready else 0

    def to(self, state: str) -> None:
        """Move to another state."""
        if state != self.state:
            self.state, self.since = state, stamp()

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
            self.to("idle" if self.state == "running" else self.state)

    def document(self) -> dict[str, Any]:
        """The node as JSON."""
        configuration = self.pool.spec.get("virtualMachineConfiguration") or {}
        return {
            "id": self.id,
            "url": self.url,
            "state": self.state,
            "schedulingState": "enabled",
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
            "isDedicated": self.dedicated,
            "endpointConfiguration": {"inboundEndpoints": []},
            "nodeAgentInfo": {"version": "retrain", "lastUpdateTime": self.booted},
            "virtualMachineInfo": {"imageReference": configuration.get("imageReference") or {}},
        }

    def _recent_document(self, task: Task) -> dict[str, Any]:
        return {
            "taskUrl": task.url,
            "jobId": task.job.id,
            "taskId": task.id,
            "taskState": task.state,
            "executionInfo": task.execution_document(),
        }


@dataclass(slots=True, kw_only=True, eq=False)
class Pool(Entity):
    """`spec` holds the targets; `made` counts the nodes it ever had, and names the next."""

    NEXT: ClassVar[Mapping[str, tuple[str, ...]]] = {"active": ("deleting",), "deleting": ()}
    KEPT: ClassVar[tuple[str, ...]] = (
        *Entity.KEPT,
        *("made", "allocation", "allocation_since", "auto"),
    )

    endpoint: str
    state: str = "active"
    allocation: str = "steady"  # steady | resizing | stopping
    allocation_since: str = field(default_factory=stamp)
    auto: bool = False
    made: int = 0
    nodes: dict[str, ComputeNode] = field(default_factory=dict)
    resizing: int = 0  # counts resizes, so that an overtaken one notices

    def record(self) -> dict[str, Any]:
        """The pool with its nodes' ordinals."""
        nodes = [[node.ordinal, node.dedicated] for node in self.nodes.values()]
        return Entity.record(self) | {"nodes": nodes}

    @property
    def url(self) -> str:
        """The pool's address."""
        return f"{self.endpoint}/pools/{self.id}"

    @property
    def slots(self) -> int:
        """Task slots a node has."""
        return int(self.spec.get("taskSlotsPerNode") or 1)

    def target(self, *, dedicated: bool) -> int:
        """How many nodes of a kind are wanted."""
        name = "targetDedicatedNodes" if dedicated else "targetLowPriorityNodes"
        return int(self.spec.get(name) or 0)

    def present(self, *, dedicated: bool) -> Iterator[ComputeNode]:
        """The nodes of a kind."""
        return (node for node in self.nodes.values() if node.dedicated == dedicated)

    def current(self, *, dedicated: bool) -> int:
        """How many nodes of a kind there are."""
        return sum(1 for _ in self.present(dedicated=dedicated))

    def allocate(self, state: str) -> None:
        """Move to another allocation state."""
        self.touch()
        self.allocation, self.allocation_since = state, self.modified

    def node_counts(self) -> dict[str, Any]:
        """How many nodes are in which state, by kind."""
        return {
            "poolId": self.id,
            "dedicated": self._counts(dedicated=True),
            "lowPriority": self._counts(dedicated=False),
        }

    def _counts(self, *, dedicated: bool) -> dict[str, int]:
        states = Counter(node.state for node in self.present(dedicated=dedicated))
        counts = {name: states[name.lower()] for name in NODE_STATES}
        return {**counts, "total": states.total()}

    def document(self) -> dict[str, Any]:
        """The pool as JSON."""
        return without_nulls(
            {
                "resizeTimeout": "PT15M",
                "enableAutoScale": False,
                "enableInterNodeCommunication": False,
                "taskSlotsPerNode": 1,
                "taskSchedulingPolicy": {"nodeFillType": "spread"},
                "targetDedicatedNodes": 0,
                "targetLowPriorityNodes": 0,
                **self.spec,
                **self.stamps(),
                "url": self.url,
                "allocationState": self.allocation,
                "allocationStateTransitionTime": self.allocation_since,
                "currentDedicatedNodes": self.current(dedicated=True),
                "currentLowPriorityNodes": self.current(dedicated=False),
            }
        )
