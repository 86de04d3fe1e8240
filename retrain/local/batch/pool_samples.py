"""What a pool's formula can ask about it: present values, and a sample of each every 30 seconds.

Samples are kept in memory, for a day; after a restart the history begins anew.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Final

import psutil

from retrain.local.batch.account import Account
from retrain.local.batch.job import Job
from retrain.local.batch.pool import Pool

SAMPLE_SECONDS: Final = 30.0
_KEPT: Final = 24 * 120

#: Known to formulas, but without samples since March 2024, as the documentation says.
RETIRED: Final = frozenset(
    {
        *("$WallClockSeconds", "$MemoryBytes", "$DiskBytes", "$DiskReadBytes", "$DiskWriteBytes"),
        *("$DiskReadOps", "$DiskWriteOps", "$NetworkInBytes", "$NetworkOutBytes"),
    }
)


class PoolSamples:
    """One pool's; the promise is `autoscale.Samples`'."""

    def __init__(self, account: Account, pool: Pool) -> None:
        self._account = account
        self._pool = pool
        self._taken: deque[tuple[datetime, Mapping[str, float]]] = deque(maxlen=_KEPT)

    def take(self, at: datetime) -> None:
        """Sample everything."""
        self._taken.append((at, {name: read(self) for name, read in _READERS.items()}))

    def now(self, name: str) -> float | None:
        """The present value; None when there is no such variable."""
        if name in RETIRED:
            return 0.0
        read = _READERS.get(name)
        return read(self) if read else None

    def history(self, name: str) -> Sequence[tuple[datetime, float]]:
        """Its samples, the oldest first."""
        return [] if name in RETIRED else [(at, values[name]) for at, values in self._taken]

    def _jobs(self) -> Iterable[Job]:
        return self._account.jobs_of[self._pool.id.lower()].values()

    def active(self) -> float:
        """Tasks that only wait for a slot, of jobs that may start them."""
        return float(sum(len(job.waiting) for job in self._jobs() if job.state == "active"))

    def running(self) -> float:
        """Tasks on nodes."""
        return float(sum(len(job.running) for job in self._jobs()))

    def ended(self, result: str) -> float:
        """Completed tasks with that result."""
        tasks = (task for job in self._jobs() for task in job.tasks.values())
        return float(sum(task.state == "completed" and task.result == result for task in tasks))

    def nodes(self, *states: str) -> float:
        """Nodes in these states."""
        counted = Counter(node.state for node in self._pool.nodes.values())
        return float(sum(counted[state] for state in states))

    def present(self, *, dedicated: bool) -> float:
        """Nodes of a kind, in any state."""
        return float(self._pool.current(dedicated=dedicated))

    def slots(self) -> float:
        """Task slots of a node."""
        return float(self._pool.slots)


def _cpu(_: PoolSamples) -> float:
    """Of this machine since the last sample, 0 to 1: its nodes share it."""
    return psutil.cpu_percent(None) / 100


_READERS: Final[Mapping[str, Callable[[PoolSamples], float]]] = {
    "$CPUPercent": _cpu,
    "$ActiveTasks": PoolSamples.active,
    "$RunningTasks": PoolSamples.running,
    "$PendingTasks": lambda samples: samples.active() + samples.running(),
    "$SucceededTasks": lambda samples: samples.ended("success"),
    "$FailedTasks": lambda samples: samples.ended("failure"),
    "$CurrentDedicatedNodes": lambda samples: samples.present(dedicated=True),
    "$CurrentLowPriorityNodes": lambda samples: samples.present(dedicated=False),
    "$PreemptedNodeCount": lambda samples: samples.nodes("preempted"),
    "$UsableNodeCount": lambda samples: samples.nodes("idle", "running"),
    "$SampleNodeCount": lambda samples: samples.nodes("idle", "running", "offline"),
    "$TaskSlotsPerNode": PoolSamples.slots,
}
