"""What compute of ours exists this moment."""

from typing import Any

from fastapi import APIRouter

from functions.api.views import attempt_view, pool_view
from shared.wiring import product

router = APIRouter(tags=["compute"])


@router.get("/compute")
def compute() -> dict[str, Any]:
    """Batch jobs and pools as Batch lists them now, whatever their state."""
    attempts, pools = product().queries.compute_now()
    return {
        "jobs": [attempt_view(seen) for seen in attempts],
        "pools": [pool_view(pool) for pool in pools],
    }
