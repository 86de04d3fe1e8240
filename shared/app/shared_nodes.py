"""The watch's part for named computes: runs that share nodes, and the pools that hold them.

Which run is on which node no list tells. So the busy nodes of a compute are compared with its runs
that are known to run, and only where the two disagree are runs looked at one by one.
"""

import logging
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from shared.app.computes import DELETED, Computes, KeptCompute
from shared.app.observing import Observer
from shared.domain.errors import RetrainError
from shared.domain.status import Status
from shared.ports.compute import Compute, Inventory, PoolSeen
from shared.ports.runs import Summary

log = logging.getLogger("retrain.watch")

_ON_COMPUTE: Final = (Status.PROVISIONING, Status.PREPARING, Status.RUNNING)
_BUSY: Final = (Status.PREPARING, Status.RUNNING)


@dataclass(frozen=True, slots=True)
class SharedNodes:
    """One tick's view of all computes, their pools and the runs on them, by the compute's key."""

    computes: Mapping[str, KeptCompute]
    pools: Mapping[str, PoolSeen]
    runs: Mapping[str, tuple[Summary, ...]]

    def disagree(self, key: str) -> bool:
        """Whether the nodes do something else than the records say, or some of them are lost."""
        pool = self.pools.get(key)
        known = sum(run.nodes for run in self.runs.get(key, ()) if run.status in _BUSY)
        return pool is not None and (pool.lost > 0 or pool.running != known)

    def may_prepare(self, key: str) -> bool:
        """Whether there is a node on which a run that seems to wait may have got stuck."""
        pool = self.pools.get(key)
        return pool is None or pool.preparing > 0

    def are_replaced(self, key: str) -> bool:
        """Whether a node that is lost is so by being taken away, and the pool gets another."""
        return self.computes[key].compute.tier == "low_priority"


@dataclass(frozen=True, slots=True)
class SharedNodesWatch:
    compute: Compute
    computes: Computes
    inventory: Inventory
    observer: Observer

    def look(
        self,
        listed: Mapping[str, PoolSeen],
        live: Mapping[str, Summary],
        computes: Iterable[KeptCompute],
    ) -> SharedNodes:
        """computes: read after `listed` and `live` were: what has a pool has a record."""
        kept = {one.compute.key: one for one in computes}
        on: dict[str, list[Summary]] = {}
        for run in live.values():
            if run.compute and run.attempt and run.status in _ON_COMPUTE:
                on.setdefault(run.compute, []).append(run)
        return SharedNodes(kept, listed, {key: tuple(runs) for key, runs in on.items()})

    def unplaced(self, run: Summary, tag: str) -> None:
        """Tell the run that its compute was deleted."""
        self.observer.unplaced(run.name, run.attempt, tag, DELETED)

    def hold(self, nodes: SharedNodes) -> None:
        """Have each compute's pool be there and be right, and none that is nobody's."""
        for key, kept in nodes.computes.items():
            runs = nodes.runs.get(key, ())
            wanted = min(kept.compute.max_instances, sum(run.nodes for run in runs))
            pool = nodes.pools.get(key)
            extra = sum(run.nodes - 1 for run in runs)
            hurry = pool is not None and pool.target < wanted
            try:
                self.computes.pools.ensure(kept.compute, pool, extra=extra, hurry=hurry)
            except RetrainError as refusal:  # the others are held all the same
                log.warning(
                    "compute %s: no pool: %s %s", key, refusal, refusal.remedy,
                    extra={"compute": key, "code": refusal.code},
                )  # fmt: skip
        for key, pool in nodes.pools.items():
            if key not in nodes.computes and not pool.deleting:
                log.warning(
                    "orphan: Batch pool %s belongs to no compute, deleted", pool.id,
                    extra={"compute": key, "batch_pool": pool.id},
                )  # fmt: skip
                self.inventory.drop_pool(pool.id)
