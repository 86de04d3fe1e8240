"""What compute of ours exists this moment, and the switch that ends it all."""

from typing import Annotated, Any

from fastapi import APIRouter, Body
from pydantic import StringConstraints

from functions.api.views import attempt_view, held_view, limits_view, pool_view
from shared.wiring import product

router = APIRouter(tags=["compute"])

_Name = Annotated[str, StringConstraints(pattern=r"^[^\x00-\x1f]{1,100}$")]


@router.get("/compute")
def compute() -> dict[str, Any]:
    """Batch jobs and pools as Batch lists them now, whatever their state; who holds compute."""
    attempts, pools = product().queries.compute_now()
    return {
        "jobs": [attempt_view(seen) for seen in attempts],
        "pools": [pool_view(pool) for pool in pools],
        "held": held_view(product().book.read().held),
    }


@router.get("/compute/limits")
def limits() -> dict[str, Any]:
    """How much compute there may be (null: any), how much there is, and how many runs wait for it.

    `nodes` and `node_hours_today` are counted only where there are limits.
    """
    return limits_view(product().gate.usage(), product().limits)


@router.post("/compute/drain")
def drain(by: Annotated[_Name, Body(embed=True)] = "the API") -> dict[str, Any]:
    """Hold what would start, end all runs, delete all jobs and pools of ours; `by`: who wants it.

    Ask again until the three lists are empty; the watch does so too.
    """
    found = product().draining.drain(by)
    return {
        "held": held_view(found.held),
        "runs": [*found.runs],
        "jobs": [*found.jobs],
        "pools": [*found.pools],
    }


@router.post("/compute/resume")
def resume() -> dict[str, Any]:
    """Let runs start again. `runs`: how many had to wait."""
    return {"held": None, "runs": product().draining.resume()}
