"""A pool: how many nodes it should have, and those it has."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, ClassVar, Final

from retrain.local.batch import durations
from retrain.local.batch.compute_node import ComputeNode
from retrain.local.batch.entity import Entity, stamp, without_nulls
from retrain.local.batch.errors import Refused

__all__ = ["NODE_STATES", "ComputeNode", "Pool"]

NODE_STATES: Final = (
    *("creating", "idle", "offline", "preempted", "rebooting", "reimaging", "running"),
    *("starting", "startTaskFailed", "leavingPool", "unknown", "unusable"),
    *("waitingForStartTask", "deallocated", "deallocating", "upgradingOS"),
)

RESIZE_TIMEOUT: Final = "PT15M"


@dataclass(slots=True, kw_only=True, eq=False)
class Pool(Entity):
    """`spec` holds the targets; `made` counts the nodes it ever had, and names the next."""

    KIND: ClassVar[str] = "pool"
    NEXT: ClassVar[Mapping[str, tuple[str, ...]]] = {"active": ("deleting",), "deleting": ()}
    KEPT: ClassVar[tuple[str, ...]] = (
        *Entity.KEPT,
        *("made", "allocation", "allocation_since", "auto", "errors", "scaled", "spent"),
    )

    endpoint: str
    state: str = "active"
    allocation: str = "steady"  # steady | resizing | stopping
    allocation_since: str = field(default_factory=stamp)
    auto: bool = False
    made: int = 0
    errors: list[dict[str, Any]] = field(default_factory=list)  # of the last resize
    scaled: dict[str, Any] | None = None  # autoScaleRun
    spent: float = 0.0  # core seconds of dedicated machines it gave back
    rescaled: bool = False  # its formula was given after its creation, in this life
    nodes: dict[str, ComputeNode] = field(default_factory=dict)
    resizing: int = 0  # counts resizes, so that an overtaken one notices

    def record(self) -> dict[str, Any]:
        """The pool with its nodes; those it still waits for are asked for again."""
        nodes = [node.record() for node in self.nodes.values() if node.state != "creating"]
        return Entity.record(self) | {"nodes": nodes}

    def take_back(self, record: list[Any] | dict[str, Any]) -> None:
        """A node as the store kept it; older stores have only its ordinal and its kind."""
        if isinstance(record, list):
            record = {"ordinal": record[0], "dedicated": record[1]}
        node = ComputeNode(pool=self, **record)
        self.nodes[node.id] = node

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

    def aim(self, count: int, *, dedicated: bool) -> None:
        """Want so many nodes of a kind."""
        name = "targetDedicatedNodes" if dedicated else "targetLowPriorityNodes"
        self.spec = self.spec | {name: max(0, count)}

    def demand_active(self) -> None:
        """Raises Refused PoolBeingDeleted."""
        if self.state == "deleting":
            raise Refused("PoolBeingDeleted")

    def demand_steady(self) -> None:
        """Raises Refused PoolBeingDeleted, PoolBeingResized."""
        self.demand_active()
        if self.allocation != "steady":
            raise Refused("PoolBeingResized")

    def demand_fixed(self) -> None:
        """Raises Refused when a formula sets the pool's size."""
        if self.scales:
            reason = "The pool scales automatically; disable that first"
            raise Refused("OperationInvalidForCurrentState", Reason=reason)

    def present(self, *, dedicated: bool) -> Iterator[ComputeNode]:
        """The nodes of a kind."""
        return (node for node in self.nodes.values() if node.dedicated == dedicated)

    def current(self, *, dedicated: bool) -> int:
        """How many nodes of a kind there are."""
        return sum(1 for _ in self.present(dedicated=dedicated))

    @property
    def scales(self) -> bool:
        """True when a formula sets its size."""
        return bool(self.spec.get("enableAutoScale"))

    @property
    def resize_seconds(self) -> float | None:
        """How long a resize may take, unless the resize itself says so; None means no limit."""
        return durations.seconds(self.spec.get("resizeTimeout") or RESIZE_TIMEOUT)

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

    def statistics(self) -> dict[str, Any]:
        """How much of its dedicated machines it had, in core time."""
        now = datetime.now(UTC)
        there = (node for node in self.present(dedicated=True) if node.has_machine)
        spent = self.spent + sum(node.core_seconds(now) for node in there)
        times = {"startTime": self.created, "lastUpdateTime": stamp(now)}
        usage = times | {"dedicatedCoreTime": durations.text(spent)}
        return {"url": f"{self.url}/stats", **times, "usageStats": usage}

    def document(self) -> dict[str, Any]:
        """The pool as JSON."""
        return without_nulls(
            {
                "resizeTimeout": RESIZE_TIMEOUT,
                "enableAutoScale": False,
                "enableInterNodeCommunication": False,
                "taskSlotsPerNode": 1,
                "taskSchedulingPolicy": {"nodeFillType": "spread"},
                "targetDedicatedNodes": 0,
                "targetLowPriorityNodes": 0,
                "autoScaleEvaluationInterval": "PT15M" if self.scales else None,
                **self.spec,
                "autoScaleRun": self.scaled,
                **self.stamps(),
                "url": self.url,
                "allocationState": self.allocation,
                "allocationStateTransitionTime": self.allocation_since,
                "resizeErrors": self.errors
                if self.allocation == "steady" and self.errors
                else None,
                "currentDedicatedNodes": self.current(dedicated=True),
                "currentLowPriorityNodes": self.current(dedicated=False),
            }
        )
