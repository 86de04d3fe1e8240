"""A run as JSON, with what it cost."""

from typing import Any

from functions.api.views import run_view
from shared.app.costs import Billed, Cost
from shared.app.refusals import Refusal
from shared.domain.run import Run
from shared.wiring import product


def shown_run(run: Run, held_up: Refusal | None = None) -> dict[str, Any]:
    return {**run_view(run, held_up), "cost": cost_view(product().costs.of(run))}


def cost_view(cost: Cost) -> dict[str, Any] | None:
    """None before the first attempt. Seconds are node-seconds; amount is None when unknown."""
    if not cost.billed:
        return None
    usages = [one.usage for one in cost.billed]
    prices = cost.prices
    return {
        "amount": cost.amount,
        "currency": prices.currency if prices else None,
        "price": prices.price if prices else None,
        "as_of": prices.as_of if prices else None,
        "local": cost.local,
        "so_far": cost.so_far,
        "billed_seconds": round(sum(usage.billed_node_seconds for usage in usages), 3),
        "used_seconds": round(sum(usage.used_node_seconds for usage in usages), 3),
        "attempts": [_attempt(one) for one in cost.billed],
    }


def _attempt(one: Billed) -> dict[str, Any]:
    usage, nodes = one.usage, one.usage.nodes
    return {
        "attempt": usage.attempt,
        "vm_size": nodes.vm_size or None,
        "nodes": nodes.count,
        "tier": nodes.tier,
        "compute": nodes.compute,
        "region": one.region or None,
        "hourly": one.hourly,
        "amount": one.amount,
        "billed_seconds": round(usage.billed_node_seconds, 3),
        "used_seconds": round(usage.used_node_seconds, 3),
    }
