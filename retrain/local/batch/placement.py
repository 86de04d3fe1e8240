"""Where a task can run: the node that suits it best, or the tasks that must give way to it."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from retrain.local.batch.compute_node import ComputeNode
from retrain.local.batch.pool import Pool
from retrain.local.batch.task import Task


def place(task: Task, pool: Pool, barred: Callable[[ComputeNode], bool]) -> list[ComputeNode]:
    """The nodes for its instances, the primary's first; none when there are too few.

    The first is one it has an affinity to, else that with most free slots, or fewest ("pack").
    """
    if task.instances and not _connected(pool):
        return []  # as on the service, where such a task waits for ever
    fitting = [
        node
        for node in pool.nodes.values()
        if node.free >= need(task, pool) and _suits(task, node) and not barred(node)
    ]
    policy = pool.spec.get("taskSchedulingPolicy") or {}
    choose = min if str(policy.get("nodeFillType")).lower() == "pack" else max
    wished = [node for node in fitting if f"TVM:{node.id}" == task.affinity]
    first = choose(wished or fitting, key=lambda node: node.free, default=None)
    if first is None or len(fitting) < task.instances:
        return []
    others = [node for node in fitting if node is not first]
    return [first, *others[: max(0, task.instances - 1)]]


def _connected(pool: Pool) -> bool:
    return bool(pool.spec.get("enableInterNodeCommunication")) and pool.slots == 1


def need(task: Task, pool: Pool) -> int:
    """How many slots it takes: all of a node's when nothing may run beside it."""
    return pool.slots if task.exclusive else task.slots


def _suits(task: Task, node: ComputeNode) -> bool:
    return node.dedicated or task.allows_low_priority


def victims(task: Task, pool: Pool, barred: Callable[[ComputeNode], bool]) -> list[Task]:
    """Tasks to requeue so that this one, of a job with higher priority, finds its slots.

    Those of the lowest priority go, and of those the youngest. None when no node could be freed,
    or when enough of one will be free in a moment; a task of several instances displaces nobody.
    """
    if task.instances:
        return []
    plans = [
        _plan(task, node)
        for node in pool.nodes.values()
        if node.ready and _suits(task, node) and not barred(node)
    ]
    possible = [plan for plan in plans if plan is not None]
    return min(possible, key=_harm, default=[])


def _plan(task: Task, node: ComputeNode) -> list[Task] | None:
    """Whom it takes on that node; nobody when slots are being freed; None when it can't be."""
    dying = [each for each in node.running if each.verdict is not None]
    missing = need(task, node.pool) - node.free - sum(each.slots for each in dying)
    chosen: list[Task] = []
    for each in sorted(_preemptible(task, node), key=lambda each: (each.job.priority, -each.turn)):
        if missing <= 0:
            break
        chosen.append(each)
        missing -= each.slots
    return chosen if missing <= 0 else None


def _preemptible(task: Task, node: ComputeNode) -> Iterable[Task]:
    return (
        each
        for each in node.running
        if each.verdict is None
        and each.job.spec.get("allowTaskPreemption")
        and each.job.priority < task.job.priority
    )


def _harm(plan: list[Task]) -> tuple[int, int]:
    return (max((each.job.priority for each in plan), default=-1001), len(plan))
