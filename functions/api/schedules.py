"""Standing orders."""

from typing import Annotated, Any

from fastapi import APIRouter, Body, Response

from functions.api.views import schedule_view
from shared.wiring import product

router = APIRouter(tags=["schedules"])


@router.post("/schedules", status_code=201)
def put(document: Annotated[dict[str, Any], Body()], response: Response) -> dict[str, Any]:
    """Create (201) or replace (200) the schedule of that name."""
    kept, new = product().schedules.put(document)
    response.status_code = 201 if new else 200
    return schedule_view(kept)


@router.get("/schedules")
def schedules() -> dict[str, Any]:
    return {"schedules": [schedule_view(kept) for kept in product().schedules.kept()]}


@router.get("/schedules/{name}")
def show(name: str) -> dict[str, Any]:
    return schedule_view(product().schedules.get(name))


@router.delete("/schedules/{name}", status_code=204)
def delete(name: str) -> None:
    """Nothing more is started by it; runs that are under way go on."""
    product().schedules.delete(name)
