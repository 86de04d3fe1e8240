"""What the pools cost: for how long each node had its machine, kept over restarts.

A span is written when a node loses its machine; those that have one are asked when it matters.
"""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any, Final

from retrain.local.batch.compute_node import ComputeNode
from retrain.local.batch.entity import moment_of, stamp
from retrain.local.batch.store import Store
from retrain.local.batch.vm_sizes import cores

#: Usage is told in intervals of this length, from the full and the half hour.
INTERVAL: Final = timedelta(minutes=30)

_KIND: Final = "usage"
_KEPT: Final = 5000  # spans


@dataclass(frozen=True, slots=True)
class Span:
    """One machine's time in a pool."""

    pool_id: str
    vm_size: str
    began: datetime
    ended: datetime


@dataclass(frozen=True, slots=True, order=True)
class Bucket:
    """One pool in one interval."""

    start: datetime
    pool_id: str
    vm_size: str


class Usage:
    """The spans that are over, the oldest dropped when there are too many."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._over: deque[tuple[str, Span]] = deque()
        for record in store.load(_KIND):
            times = moment_of(record["began"]), moment_of(record["ended"])
            self._over.append((record["key"], Span(record["pool"], record["vmSize"], *times)))
        last = int(self._over[-1][0]) if self._over else 0
        self._numbers = count(last + 1)

    def note(self, node: ComputeNode) -> None:
        """The node loses its machine, if it has one."""
        if not node.has_machine:
            return
        now = datetime.now(UTC)
        key = f"{next(self._numbers):012}"
        span = _span(node, now)
        if node.dedicated:
            node.pool.spent += node.core_seconds(now)
        self._over.append((key, span))
        record: dict[str, Any] = {"key": key, "pool": span.pool_id, "vmSize": span.vm_size}
        times = {"began": stamp(span.began), "ended": stamp(span.ended)}
        self._store.put(_KIND, key, record | times)
        while len(self._over) > _KEPT:
            self._store.drop(_KIND, self._over.popleft()[0])

    def core_hours(
        self, nodes: Iterable[ComputeNode], since: datetime, until: datetime
    ) -> dict[Bucket, float]:
        """By pool and interval, of the intervals that touch that time; the earliest first."""
        now = datetime.now(UTC)
        there = (_span(node, now) for node in nodes if node.has_machine)
        found: defaultdict[Bucket, float] = defaultdict(float)
        for span in (*(span for _, span in self._over), *there):
            for start, hours in _intervals(span):
                if start < until and start + INTERVAL > since:
                    bucket = Bucket(start, span.pool_id, span.vm_size)
                    found[bucket] += hours * cores(span.vm_size)
        return dict(sorted(found.items()))


def beginning(moment: datetime) -> datetime:
    """Of the interval the moment is in."""
    return moment.replace(minute=moment.minute // 30 * 30, second=0, microsecond=0)


def _span(node: ComputeNode, ended: datetime) -> Span:
    began = moment_of(node.allocated)
    return Span(node.pool.id, str(node.pool.spec["vmSize"]), began, ended)


def _intervals(span: Span) -> Iterator[tuple[datetime, float]]:
    start = beginning(span.began)
    while start < span.ended:
        end = start + INTERVAL
        length = min(end, span.ended) - max(start, span.began)
        yield start, length / timedelta(hours=1)
        start = end
