"""An allocation that is short of machines or slow while rules of faults say so."""

from __future__ import annotations

from dataclasses import replace

from retrain.local.batch.allocation import Allocation, Demand, Grant, ResizeError
from retrain.local.faults import Faults
from retrain.local.faults.batch import AllocationFailure, SlowAllocation, SlowDeletion


class FaultyAllocation:
    """What another `Allocation` grants, less what goes wrong."""

    def __init__(self, usual: Allocation, faults: Faults) -> None:
        self._usual = usual
        self._faults = faults

    def grant(self, demand: Demand) -> Grant:
        """Later, or fewer nodes and the reason."""
        grant = self._usual.grant(demand)
        if not self._faults.armed or demand.dedicated + demand.low_priority == 0:
            return grant
        slow = self._faults.strikes("batch", SlowAllocation, pool=demand.pool_id)
        seconds = grant.seconds + sum(struck.draw(struck.rule.seconds) for struck in slow)
        grant = replace(grant, seconds=seconds)
        short = self._faults.strike("batch", AllocationFailure, pool=demand.pool_id)
        return _short(grant, short.rule) if short else grant

    def deletion_seconds(self, pool_id: str) -> float:
        """How long a deleted pool still keeps its id."""
        seconds = self._usual.deletion_seconds(pool_id)
        slow = self._faults.strike("batch", SlowDeletion, pool=pool_id)
        return seconds + (slow.draw(slow.rule.seconds) if slow else 0.0)


def _short(grant: Grant, rule: AllocationFailure) -> Grant:
    dedicated = min(grant.dedicated, rule.nodes)
    low_priority = min(grant.low_priority, rule.nodes - dedicated)
    error = ResizeError.of(rule.code)
    if rule.message is not None:
        error = replace(error, message=rule.message)
    return Grant(grant.seconds, dedicated, low_priority, (*grant.errors, error))
