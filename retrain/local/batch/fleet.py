"""Pools: created, brought to their size, deleted; and what happens to their nodes from outside."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Collection
from typing import Any

from retrain.local.batch import durations, launch
from retrain.local.batch.account import Account
from retrain.local.batch.allocation import Allocation
from retrain.local.batch.autoscaling import Autoscaling
from retrain.local.batch.clock import Clock
from retrain.local.batch.compute_node import ComputeNode
from retrain.local.batch.folders import remove_if_unused
from retrain.local.batch.node_life import NodeLife
from retrain.local.batch.pool import Pool
from retrain.local.batch.preparations import Preparations
from retrain.local.batch.resizes import Resizes
from retrain.local.batch.scheduler import Scheduler
from retrain.local.batch.start_tasks import StartTasks


class Fleet:
    """`life` sends nodes on their ways, `resizes` brings pools to the size that was asked for or
    that `autoscaling` came to.
    """

    def __init__(
        self,
        account: Account,
        scheduler: Scheduler,
        preparations: Preparations,
        start_tasks: StartTasks,
        allocation: Allocation,
        clock: Clock,
    ) -> None:
        self._account = account
        self._scheduler = scheduler
        self._allocation = allocation
        self.life = NodeLife(account, scheduler, preparations, start_tasks, allocation)
        self.autoscaling = Autoscaling(account, self.resize, clock)
        self.resizes = Resizes(account, scheduler, self.life, allocation, clock)

    def create(self, pool_id: str, spec: dict[str, Any], *, auto: bool = False) -> Pool:
        """A new pool on its way to its target size."""
        account = self._account
        pool = Pool(
            id=pool_id,
            number=next(account.numbers),
            spec=spec,
            endpoint=account.endpoint,
            auto=auto,
        )
        account.add(pool)
        if pool.scales:
            self.autoscaling.begin(pool)
        else:
            self.resize(pool)
        return pool

    def create_for(self, job_id: str, specification: dict[str, Any]) -> Pool:
        """The auto pool of a job. Its id is derived, so that repeating the steps repeats the id."""
        number = next(self._account.numbers)
        digest = hashlib.sha256(f"{job_id.lower()}/{number}".encode()).hexdigest().upper()
        unique = "-".join((digest[:8], digest[8:12], digest[12:16], digest[16:20], digest[20:32]))
        prefix = specification.get("autoPoolIdPrefix")
        pool_id = f"{prefix}_{unique}" if prefix else unique
        return self.create(pool_id, dict(specification.get("pool") or {}), auto=True)

    def resize(
        self,
        pool: Pool,
        option: str = "requeue",
        *,
        timeout: str | None = None,
        removed: Collection[ComputeNode] = (),
    ) -> None:
        """Begin the way to the targets in the pool's specification.

        `timeout` is a duration, the pool's own by default; `removed` nodes go before others.
        """
        seconds = durations.seconds(timeout) if timeout else pool.resize_seconds
        self.resizes.begin(pool, option, seconds, removed)

    def preempt(self, node: ComputeNode) -> None:
        """The cloud takes a low-priority node's machine. Raises ValueError for a dedicated one."""
        self.life.preempt(node)

    def mark_unusable(
        self,
        node: ComputeNode,
        code: str = "NodeAgentUnreachable",
        message: str = "The Batch service could not reach the node",
    ) -> None:
        """The cloud loses a node: it stays in its pool, takes no tasks, and says why."""
        self.life.mark_unusable(node, code, message)

    def restore(self, pool: Pool) -> None:
        """After a restart: its nodes come back as after a reboot, and it goes on where it was."""
        if pool.state == "deleting":
            self._account.spawn(self._remove(pool))
            return
        for node in pool.nodes.values():
            self.life.restore(node)
        if pool.allocation != "steady":
            self.resize(pool)
        if pool.scales:
            self.autoscaling.resume(pool)
        self._scheduler.fill(pool)

    def delete(self, pool: Pool) -> None:
        """Requeue what runs there, and remove it; at once when nothing runs."""
        pool.to("deleting")
        pool.resizing += 1
        self._account.save(pool)
        for node in pool.nodes.values():
            self.life.leave(node)
        seconds = self._allocation.deletion_seconds(pool.id)
        if seconds == 0 and all(map(self.life.at_rest, pool.nodes.values())):
            self._gone(pool)
        else:
            self._account.spawn(self._remove(pool, seconds))

    async def _remove(self, pool: Pool, seconds: float = 0.0) -> None:
        nodes = list(pool.nodes.values())
        clearing = (self.life.clear(node, "requeue", node.turn) for node in nodes)
        await asyncio.gather(*clearing)
        await asyncio.sleep(seconds)
        self._gone(pool)

    def _gone(self, pool: Pool) -> None:
        for node in pool.nodes.values():
            self._account.usage.note(node)
        self._account.remove(pool)
        for node in pool.nodes.values():
            remove_if_unused(launch.node_root(self._account, node.id))
