"""Pools getting and giving back their nodes, as fast as the settings' allocation time lets them."""

from __future__ import annotations

import asyncio
import hashlib
from typing import Any

from retrain.local.batch import launch
from retrain.local.batch.account import Account
from retrain.local.batch.folders import make_root, remove_if_unused
from retrain.local.batch.job import Job
from retrain.local.batch.pool import ComputeNode, Pool
from retrain.local.batch.preparations import Preparations
from retrain.local.batch.scheduler import Scheduler
from retrain.local.batch.task import Verdict

#: What becomes of running tasks on a node that leaves; None: they may finish first.
DEALLOCATION: dict[str, Verdict | None] = {
    "requeue": "requeue",
    "terminate": "terminate",
    "taskcompletion": None,
}


class Fleet:
    """Creates, resizes and deletes pools."""

    def __init__(
        self,
        account: Account,
        scheduler: Scheduler,
        preparations: Preparations,
        allocation_seconds: float,
    ) -> None:
        self._account = account
        self._scheduler = scheduler
        self._preparations = preparations
        self._seconds = allocation_seconds

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

    def resize(self, pool: Pool, option: str = "requeue") -> None:
        """Begin the way to the targets in the pool's specification."""
        pool.resizing += 1
        pool.allocate("resizing")
        leaving = self._surplus(pool)
        for node in leaving:
            self._leave(node, DEALLOCATION[option])
        coming = self._missing(pool)
        self._account.save(pool)
        if self._seconds == 0 and not any(node.running for node in leaving):
            self._settle(pool, coming, leaving)
        else:
            self._account.spawn(self._resize(pool, pool.resizing, coming, leaving))

    async def _resize(
        self, pool: Pool, turn: int, coming: list[ComputeNode], leaving: list[ComputeNode]
    ) -> None:
        await asyncio.sleep(self._seconds)
        for node in leaving:
            if node.running:
                await node.empty.wait()
        if pool.resizing == turn:
            self._settle(pool, coming, leaving)

    def _settle(self, pool: Pool, coming: list[ComputeNode], leaving: list[ComputeNode]) -> None:
        for node in leaving:
            del pool.nodes[node.id]
            remove_if_unused(launch.node_root(self._account, node.id))
        for node in coming:
            make_root(launch.node_root(self._account, node.id))
            node.to("idle")
        pool.allocate("steady")
        self._account.save(pool)
        self._scheduler.fill(pool)

    def _missing(self, pool: Pool) -> list[ComputeNode]:
        """New nodes up to the targets, and those that were still on their way."""
        for dedicated in (True, False):
            for _ in range(pool.target(dedicated=dedicated) - pool.current(dedicated=dedicated)):
                node = ComputeNode(pool=pool, ordinal=pool.made, dedicated=dedicated)
                pool.made += 1
                pool.nodes[node.id] = node
        return [node for node in pool.nodes.values() if node.state == "creating"]

    def _surplus(self, pool: Pool) -> list[ComputeNode]:
        """Nodes beyond the targets, idle ones first; those that leave already included."""
        surplus: list[ComputeNode] = []
        for dedicated in (True, False):
            nodes = sorted(pool.present(dedicated=dedicated), key=lambda node: len(node.running))
            excess = max(0, len(nodes) - pool.target(dedicated=dedicated))
            surplus += nodes[:excess]
        return surplus

    def _leave(self, node: ComputeNode, verdict: Verdict | None) -> None:
        node.leaving = True
        node.to("leavingpool")
        if verdict:
            self._scheduler.kill(node.running, verdict)

    def restore(self, pool: Pool) -> None:
        """After a restart: its nodes come back as after a reboot, and it goes on where it was."""
        if pool.state == "deleting":
            self._account.spawn(self._remove(pool))
            return
        for node in pool.nodes.values():
            make_root(launch.node_root(self._account, node.id))
            node.to("idle")
        self.resize(pool)

    def delete(self, pool: Pool) -> None:
        """Requeue what runs there, and remove it; at once when nothing runs."""
        pool.to("deleting")
        pool.resizing += 1
        self._account.save(pool)
        for node in pool.nodes.values():
            self._leave(node, "requeue")
        preparing = any(self._preparing(pool))
        if self._seconds == 0 and not preparing and not any(n.running for n in pool.nodes.values()):
            self._gone(pool)
        else:
            self._account.spawn(self._remove(pool))

    async def _remove(self, pool: Pool) -> None:
        for job in self._preparing(pool):
            await self._preparations.stop(job)
        for node in pool.nodes.values():
            if node.running:
                await node.empty.wait()
        await asyncio.sleep(self._seconds)
        self._gone(pool)

    def _preparing(self, pool: Pool) -> list[Job]:
        jobs = self._account.jobs_of[pool.id.lower()].values()
        return [job for job in jobs if job.preparing]

    def _gone(self, pool: Pool) -> None:
        self._account.remove(pool)
        for node in pool.nodes.values():
            remove_if_unused(launch.node_root(self._account, node.id))
