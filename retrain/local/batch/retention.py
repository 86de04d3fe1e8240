"""How long a node still owes its tasks their files: the option `retaineddata` waits that out."""

from __future__ import annotations

from datetime import UTC, datetime

from retrain.local.batch import durations
from retrain.local.batch.account import Account
from retrain.local.batch.compute_node import ComputeNode
from retrain.local.batch.entity import moment_of
from retrain.local.batch.task import Task


def seconds_left(account: Account, node: ComputeNode) -> float:
    """Until the last retention time of a task that ended there is over; 0 when none is left."""
    now = datetime.now(UTC)
    jobs = account.jobs_of[node.pool.id.lower()].values()
    ended = (task for job in jobs for task in job.tasks.values() if _ended_there(task, node))
    return max((_left(task, now) for task in ended), default=0.0)


def _ended_there(task: Task, node: ComputeNode) -> bool:
    there = task.node is not None and task.node["nodeId"] == node.id
    return there and task.state == "completed" and task.ended is not None


def _left(task: Task, now: datetime) -> float:
    told = (task.spec.get("constraints") or {}).get("retentionTime") or durations.WEEK
    seconds = durations.seconds(told)
    since = (now - moment_of(task.ended or "")).total_seconds()
    return float("inf") if seconds is None else max(0.0, seconds - since)
