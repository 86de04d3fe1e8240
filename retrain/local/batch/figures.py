"""Statistics of tasks, and their sums: `$expand=stats`.

CPU time and disk traffic are what the kernel counted for a task's process and all that it waited
for; a container's are counted elsewhere, and are 0 here.
"""

from __future__ import annotations

from dataclasses import astuple, dataclass
from typing import TYPE_CHECKING, Any, Final

from retrain.local.batch import durations
from retrain.local.batch.entity import moment_of, stamp

if TYPE_CHECKING:
    from collections.abc import Iterable

    from retrain.local.batch.task import Task

_BLOCK: Final = 512  # bytes; the kernel's unit in what it counts
_GIB: Final = 2**30


@dataclass(frozen=True, slots=True)
class Figures:
    """Seconds, blocks and numbers of tasks."""

    user: float = 0.0
    kernel: float = 0.0
    wall: float = 0.0
    read: int = 0
    written: int = 0
    waited: float = 0.0
    retries: int = 0
    succeeded: int = 0
    failed: int = 0

    def __add__(self, other: Figures) -> Figures:
        return Figures(*(a + b for a, b in zip(astuple(self), astuple(other), strict=True)))

    def of_task(self, url: str, since: str) -> dict[str, Any]:
        """The statistics of one task, as JSON."""
        return {
            "url": f"{url}/stats",
            "startTime": since,
            "lastUpdateTime": stamp(),
            "userCPUTime": durations.text(self.user),
            "kernelCPUTime": durations.text(self.kernel),
            "wallClockTime": durations.text(self.wall),
            "readIOps": str(self.read),
            "writeIOps": str(self.written),
            "readIOGiB": self.read * _BLOCK / _GIB,
            "writeIOGiB": self.written * _BLOCK / _GIB,
            "waitTime": durations.text(self.waited),
        }

    def of_many(self, url: str, since: str) -> dict[str, Any]:
        """The statistics of a job or a schedule, as JSON."""
        return self.of_task(url, since) | {
            "numSucceededTasks": str(self.succeeded),
            "numFailedTasks": str(self.failed),
            "numTaskRetries": str(self.retries),
        }


def figures(tasks: Iterable[Task]) -> Figures:
    """The sum over the tasks."""
    return sum(map(_of, tasks), Figures())


def _of(task: Task) -> Figures:
    waited = 0.0
    if task.started:
        waited = (moment_of(task.started) - moment_of(task.created)).total_seconds()
    over = task.state == "completed"
    return Figures(
        **task.usage,
        waited=max(0.0, waited),
        retries=task.retries,
        succeeded=over and task.result == "success",
        failed=over and task.result == "failure",
    )
