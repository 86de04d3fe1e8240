"""Standing orders."""

from typing import Annotated, Any

from fastapi import APIRouter, Body, Header, Query, Response

from functions.api.costs import shown_run
from functions.api.views import preview_view, schedule_view
from shared.wiring import product

router = APIRouter(tags=["schedules"])


@router.post("/schedules", status_code=201)
def put(document: Annotated[dict[str, Any], Body()], response: Response) -> dict[str, Any]:
    """Create (201) or replace (200) the schedule of that name."""
    kept, new = product().schedules.put(document)
    response.status_code = 201 if new else 200
    return schedule_view(kept, product().now())


@router.get("/schedules")
def schedules() -> dict[str, Any]:
    found = product().schedules.kept()
    return {"schedules": [schedule_view(kept, product().now()) for kept in found]}


@router.get("/schedules/{name}")
def show(name: str) -> dict[str, Any]:
    """With what waits for it, when it waits for data."""
    waiting = product().windows.waits(name)
    return schedule_view(product().schedules.get(name), product().now(), waiting)


@router.get("/schedules/{name}/preview")
def preview(name: str, count: Annotated[int, Query(ge=1, le=1000)] = 10) -> dict[str, Any]:
    """When it is due next, by UTC and by its own clock; nothing for one that waits for data."""
    return {"ticks": preview_view(product().schedules.get(name), product().now(), count)}


@router.post("/schedules/{name}/enable")
def enable(name: str) -> dict[str, Any]:
    """From now on it fires; what passed meanwhile is not made up."""
    return schedule_view(product().schedules.enable(name, enabled=True), product().now())


@router.post("/schedules/{name}/disable")
def disable(name: str) -> dict[str, Any]:
    """It is kept, and starts nothing."""
    return schedule_view(product().schedules.enable(name, enabled=False), product().now())


@router.post("/schedules/{name}/trigger", status_code=202)
def trigger(
    name: str,
    path: Annotated[str | None, Body(embed=True, max_length=1024)] = None,
    idempotency_key: Annotated[str | None, Header(max_length=200)] = None,
) -> dict[str, Any]:
    """Start its run now. path: of the file that it is for; else those that wait are."""
    return shown_run(product().by_hand.trigger(name, path, idempotency_key))


@router.delete("/schedules/{name}", status_code=204)
def delete(name: str) -> None:
    """Nothing more is started by it; runs that are under way go on."""
    product().schedules.delete(name)
