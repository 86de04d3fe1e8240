"""Named computes: nodes that runs share."""

from typing import Annotated, Any

from fastapi import APIRouter, Body, Response

from functions.api.views import time
from shared.app.computes import ComputeNow
from shared.jobs import dump
from shared.wiring import product

router = APIRouter(tags=["computes"])


@router.post("/computes", status_code=201)
def create(document: Annotated[dict[str, Any], Body()], response: Response) -> dict[str, Any]:
    """Create (201) the compute, or change (200) how many nodes the one of that name has."""
    kept, new = product().computes.create(document)
    response.status_code = 201 if new else 200
    return compute_view(product().computes.show(kept.compute.name))


@router.get("/computes")
def computes() -> dict[str, Any]:
    """All of them, with the nodes that they have now."""
    return {"computes": [compute_view(one) for one in product().computes.list()]}


@router.get("/computes/{name}")
def show(name: str) -> dict[str, Any]:
    return compute_view(product().computes.show(name))


@router.patch("/computes/{name}")
def update(name: str, changes: Annotated[dict[str, Any], Body()]) -> dict[str, Any]:
    """Change min_instances, max_instances, idle_time_before_scale_down, description or tags."""
    product().computes.update(name, changes)
    return compute_view(product().computes.show(name))


@router.delete("/computes/{name}", status_code=204)
def delete(name: str) -> None:
    """Delete it with its nodes; refused while runs use it. One that is not there is as good."""
    product().computes.delete(name)


def compute_view(now: ComputeNow) -> dict[str, Any]:
    pool = now.pool
    state = "Creating" if pool is None else "Deleting" if pool.deleting else "Succeeded"
    return {
        **dump(now.kept.compute),
        "created_at": time(now.kept.created_at),
        "provisioning_state": state,
        "pool": pool and pool.id,
        "nodes": {
            "current": pool.nodes if pool else 0,
            "target": pool.target if pool else 0,
            "idle": pool.idle if pool else 0,
            "running": pool.running if pool else 0,
            "preparing": pool.preparing - pool.idle if pool else 0,
            "lost": pool.lost if pool else 0,
        },
        "errors": [
            {"code": error.code, "message": error.message, "remedy": error.remedy}
            for error in (pool.errors if pool else ())
        ],
    }
