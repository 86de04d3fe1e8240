"""Which tasks of a job wait for which others.

A task counts its unmet dependencies once, when it is added; every parent that is satisfied counts
one down. So a chain of ten thousand tasks costs ten thousand steps, and a range of a million ids
is never spelled out.
"""

from __future__ import annotations

import re
from collections import defaultdict
from typing import TYPE_CHECKING, Any, Final

from retrain.local.batch.errors import Refused, invalid

if TYPE_CHECKING:
    from retrain.local.batch.task import Task

_LIST_LIMIT: Final = 64_000  # characters of all task ids together
_NUMBER: Final = re.compile(r"0|[1-9]\d{0,9}")  # ids in a range are numbers as they are printed


class Dependencies:
    """Of one job; tasks are known by their ids in lower case."""

    def __init__(self) -> None:
        self._satisfied: set[str] = set()
        self._numbers: set[int] = set()  # those of the satisfied whose ids are numbers
        self._unmet: dict[Task, int] = {}
        self._by_parent: defaultdict[str, list[Task]] = defaultdict(list)
        self._ranges: list[tuple[int, int, Task]] = []

    def holds(self, task: Task) -> bool:
        """Take the task in; True when it must wait for others."""
        depends_on = task.spec.get("dependsOn") or {}
        parents = {each.lower() for each in depends_on.get("taskIds") or ()}
        ranges = [(each["start"], each["end"]) for each in depends_on.get("taskIdRanges") or ()]
        missing = len(parents - self._satisfied)
        missing += sum(self._missing(start, end) for start, end in ranges)
        if not missing:
            return False
        self._unmet[task] = missing
        for parent in parents:
            self._by_parent[parent].append(task)
        self._ranges += [(start, end, task) for start, end in ranges]
        return True

    def _missing(self, start: int, end: int) -> int:
        if end - start < len(self._numbers):
            met = sum(number in self._numbers for number in range(start, end + 1))
        else:
            met = sum(start <= number <= end for number in self._numbers)
        return end - start + 1 - met

    def satisfy(self, task: Task) -> list[Task]:
        """The task's end satisfies those that depend on it; the ones that may run now."""
        key = task.id.lower()
        if key in self._satisfied:
            return []
        children = self._children(key)
        self._satisfied.add(key)
        if _NUMBER.fullmatch(key):
            self._numbers.add(int(key))
        released = [child for child in children if self._count(child, -1) == 0]
        for child in released:
            self._let_go(child)
        return released

    def forget(self, task: Task) -> None:
        """The task is removed, or is to run again: what still waits, waits for it anew."""
        key = task.id.lower()
        if task in self._unmet:
            self._let_go(task)
        if key in self._satisfied:
            self._satisfied.discard(key)
            self._numbers.discard(int(key) if _NUMBER.fullmatch(key) else -1)
            for child in self._children(key):
                self._count(child, 1)

    def _children(self, key: str) -> list[Task]:
        """Those that wait for the task, once for each time they name it."""
        children = list(self._by_parent.get(key, ()))
        if _NUMBER.fullmatch(key):
            number = int(key)
            children += [child for start, end, child in self._ranges if start <= number <= end]
        return [child for child in children if child in self._unmet]

    def _count(self, child: Task, step: int) -> int:
        self._unmet[child] += step
        return self._unmet[child]

    def _let_go(self, task: Task) -> None:
        del self._unmet[task]
        if (task.spec.get("dependsOn") or {}).get("taskIdRanges"):
            self._ranges = [each for each in self._ranges if each[2] is not task]


def check(spec: dict[str, Any], job_spec: dict[str, Any]) -> None:
    """Raises Refused for dependencies the job does not use, or that are too many."""
    depends_on = spec.get("dependsOn")
    if not depends_on:
        return
    if not job_spec.get("usesTaskDependencies"):
        raise Refused("TaskDependenciesNotSpecifiedOnJob")
    if sum(map(len, depends_on.get("taskIds") or ())) > _LIST_LIMIT:
        raise Refused("TaskDependencyListTooLong")
    for each in depends_on.get("taskIdRanges") or ():
        if each["start"] > each["end"]:
            raise invalid("dependsOn.taskIdRanges", each, "A range's start is not after its end")
