"""What the cloud does to the machines of nodes, as rules of faults say or at once."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

from retrain.local.batch.account import Account
from retrain.local.batch.compute_node import WORKING, ComputeNode
from retrain.local.batch.fleet import Fleet
from retrain.local.faults import Faults
from retrain.local.faults.batch import LeakedAutoPool, SlowDeletion, UnusableNode
from shared.jobs import InvalidDocument, Problem


class Trouble:
    """Takes machines away; all is used from the event loop."""

    def __init__(self, faults: Faults, account: Account, fleet: Fleet) -> None:
        self._faults = faults
        self._account = account
        self._fleet = fleet

    # -- as rules say

    def booted(self, node: ComputeNode) -> None:
        """A node came up; it may be unusable soon."""
        if not self._faults.armed:
            return
        struck = self._faults.strike("batch", UnusableNode, pool=node.pool.id, node=node.id)
        if struck:
            seconds = struck.draw(struck.rule.seconds)
            self._account.spawn(self._lose_later(node, seconds, struck.rule))

    async def _lose_later(self, node: ComputeNode, seconds: float, rule: UnusableNode) -> None:
        turn = node.turn
        await asyncio.sleep(seconds)
        if node.turn == turn:
            self._fleet.mark_unusable(node, rule.code, rule.message)

    def preempt(self, pool_id: str, node_id: str) -> None:
        """Take a low-priority node's machine, if it works."""
        node = self._working(pool_id, node_id)
        if node is not None and not node.dedicated:
            self._fleet.preempt(node)

    def lose(self, pool_id: str, node_id: str) -> None:
        """Make a node unusable, if it works."""
        node = self._working(pool_id, node_id)
        if node is not None:
            self._fleet.mark_unusable(node)

    def leaks(self, pool_id: str) -> bool:
        """Whether an auto pool is forgotten when its job ends."""
        return self._faults.strike("batch", LeakedAutoPool, pool=pool_id) is not None

    async def slow_down_deletion(self, job_id: str) -> None:
        """Wait while a job that is deleted keeps its id."""
        struck = self._faults.strike("batch", SlowDeletion, job=job_id)
        if struck:
            await asyncio.sleep(struck.draw(struck.rule.seconds))

    def _working(self, pool_id: str, node_id: str) -> ComputeNode | None:
        pool = self._account.pools.get(pool_id.lower())
        node = pool.nodes.get(node_id) if pool else None
        return node if node is not None and node.state in WORKING else None

    # -- at once, for the control endpoint

    def act_preempt(self, body: Mapping[str, Any]) -> Mapping[str, Any]:
        """{"pool": id} or {"pool": id, "node": id}. Raises InvalidDocument."""
        spot = [node for node in self._named(body) if not node.dedicated]
        if not spot:
            field = ("node",) if "node" in body else ("pool",)
            remedy = "name one with low-priority nodes: dedicated ones are never preempted"
            raise InvalidDocument([Problem(field, "nothing there can be preempted", remedy)])
        for node in spot:
            self._fleet.preempt(node)
        return {"nodes": [node.id for node in spot]}

    def act_unusable(self, body: Mapping[str, Any]) -> Mapping[str, Any]:
        """As `act_preempt`, for any kind of node."""
        nodes = self._named(body)
        for node in nodes:
            self._fleet.mark_unusable(node)
        return {"nodes": [node.id for node in nodes]}

    def _named(self, body: Mapping[str, Any]) -> list[ComputeNode]:
        for name in body:
            if name not in ("pool", "node"):
                raise InvalidDocument([Problem((name,), "unknown field", "known are pool, node")])
        pool = self._account.pools.get(str(body.get("pool")).lower())
        if pool is None:
            raise InvalidDocument([Problem(("pool",), "there is no such pool", "name one by id")])
        if "node" not in body:
            return list(pool.nodes.values())
        node = pool.nodes.get(str(body["node"]))
        if node is None:
            raise InvalidDocument([Problem(("node",), "there is no such node in the pool")])
        return [node]
