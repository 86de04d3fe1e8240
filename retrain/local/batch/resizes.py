"""Resizes: nodes come and go until a pool has what it asked for, or its time is up."""

from __future__ import annotations

import asyncio
from collections.abc import Collection
from dataclasses import dataclass, field, replace

from retrain.local.batch import launch
from retrain.local.batch.account import Account
from retrain.local.batch.allocation import PLENTY, Allocation, Demand, Grant, ResizeError
from retrain.local.batch.clock import Clock
from retrain.local.batch.compute_node import WORKING, ComputeNode
from retrain.local.batch.entity import stamp
from retrain.local.batch.folders import remove_if_unused
from retrain.local.batch.node_life import NodeLife
from retrain.local.batch.pool import Pool
from retrain.local.batch.scheduler import Scheduler


@dataclass(frozen=True, slots=True)
class Resize:
    """One way from the nodes a pool has to those it should have; `turn` is its number."""

    turn: int
    option: str
    seconds: float | None  # None: no limit
    coming: list[ComputeNode] = field(default_factory=list)
    leaving: list[ComputeNode] = field(default_factory=list)


class Resizes:
    """Begins, ends and stops them; a new one overtakes one that is under way."""

    def __init__(
        self,
        account: Account,
        scheduler: Scheduler,
        life: NodeLife,
        allocation: Allocation,
        clock: Clock,
    ) -> None:
        self._account = account
        self._scheduler = scheduler
        self._life = life
        self._allocation = allocation
        self._clock = clock

    def begin(
        self,
        pool: Pool,
        option: str,
        seconds: float | None,
        removed: Collection[ComputeNode] = (),
    ) -> None:
        """Set out for the targets in the pool's specification, for `seconds` at most."""
        limit = None if seconds is None else self._clock.real(seconds)
        pool.resizing += 1
        pool.errors = []
        pool.allocate("resizing")
        leaving = self._leave(pool, removed)
        grant, coming = self._ask(pool)
        resize = Resize(pool.resizing, option, limit, coming, leaving)
        self._account.save(pool)
        if grant.seconds == 0 and all(map(self._life.at_rest, leaving)):
            self._settle(pool, resize, grant)
        else:
            self._account.spawn(self._go(pool, resize, grant))

    async def _go(self, pool: Pool, resize: Resize, grant: Grant) -> None:
        if pool.resizing != resize.turn:
            return
        clearing = [self._life.clear(node, resize.option, node.turn) for node in resize.leaving]
        try:
            async with asyncio.timeout(resize.seconds):
                await asyncio.gather(asyncio.sleep(grant.seconds), *clearing)
        except TimeoutError:
            arrived = resize.seconds is not None and grant.seconds <= resize.seconds
            late = (ResizeError.of("AllocationTimedout"),)
            grant = replace(grant if arrived else Grant(0.0, 0, 0), errors=late)
        if pool.resizing == resize.turn:
            self._settle(pool, resize, grant)

    def _settle(self, pool: Pool, resize: Resize, grant: Grant) -> None:
        for node in resize.leaving:
            if self._life.at_rest(node):
                self._drop(node)
            else:
                self._life.keep(node)
        left = {True: grant.dedicated, False: grant.low_priority}
        for node in resize.coming:
            left[node.dedicated] -= 1
            if left[node.dedicated] >= 0:
                node.allocated = stamp()
                self._life.boot(node)
            else:
                self._drop(node)
        self._end(pool, grant.errors)
        self._scheduler.fill(pool)

    def _drop(self, node: ComputeNode) -> None:
        self._account.usage.note(node)
        del node.pool.nodes[node.id]
        remove_if_unused(launch.node_root(self._account, node.id))

    def _end(self, pool: Pool, errors: tuple[ResizeError, ...]) -> None:
        pool.errors = [error.document() for error in errors]
        pool.allocate("steady")
        self._account.save(pool)

    def stop(self, pool: Pool) -> None:
        """Leave the pool with the nodes it has; those that were to leave and still work stay."""
        pool.resizing += 1
        pool.allocate("stopping")
        for node in list(pool.nodes.values()):
            if "creating" in (node.state, node.left if node.leaving else ""):
                self._drop(node)
            elif node.leaving:
                self._life.keep(node)
        self._end(pool, (ResizeError.of("ResizeStopped"),))
        self._scheduler.fill(pool)

    def _ask(self, pool: Pool) -> tuple[Grant, list[ComputeNode]]:
        """New nodes up to the targets, and those that were still on their way."""
        beyond = {dedicated: self._make(pool, dedicated=dedicated) for dedicated in (True, False)}
        coming = [node for node in pool.nodes.values() if node.state == "creating"]
        some = sum(node.dedicated for node in coming)
        demand = Demand(
            pool.id,
            str(pool.spec["vmSize"]),
            some + beyond[True],
            len(coming) - some + beyond[False],
        )
        return self._allocation.grant(demand), coming

    def _make(self, pool: Pool, *, dedicated: bool) -> int:
        """Nodes on their way, as many as a machine can bear; how many are wanted beyond that."""
        missing = pool.target(dedicated=dedicated) - pool.current(dedicated=dedicated)
        for _ in range(min(missing, PLENTY)):
            node = ComputeNode(pool=pool, ordinal=pool.made, dedicated=dedicated)
            pool.made += 1
            pool.nodes[node.id] = node
        return max(0, missing - PLENTY)

    def _leave(self, pool: Pool, removed: Collection[ComputeNode]) -> list[ComputeNode]:
        """Nodes beyond the targets: those removed first, then on their way out, broken, idle."""
        leaving: list[ComputeNode] = []
        for dedicated in (True, False):
            nodes = sorted(
                pool.present(dedicated=dedicated),
                key=lambda node: (
                    node not in removed,
                    not node.leaving,
                    node.state in WORKING,
                    len(node.running),
                ),
            )
            excess = max(0, len(nodes) - pool.target(dedicated=dedicated))
            leaving += nodes[:excess]
            for node in nodes[excess:]:
                if node.leaving:
                    self._life.keep(node)
        for node in leaving:
            self._life.leave(node)
        return leaving
