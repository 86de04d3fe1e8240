"""Containers of one's own, under short names."""

from typing import Annotated, Any

from fastapi import APIRouter, Body, Response

from functions.api.views import datastore_view
from shared.wiring import product

router = APIRouter(tags=["datastores"])


@router.post("/datastores", status_code=201)
def put(document: Annotated[dict[str, Any], Body()], response: Response) -> dict[str, Any]:
    """Create (201) or replace (200) the datastore of that name."""
    kept, new = product().datastores.put(document)
    response.status_code = 201 if new else 200
    return datastore_view(kept)


@router.get("/datastores")
def datastores() -> dict[str, Any]:
    """Those that somebody created, by name."""
    return {"datastores": [datastore_view(kept) for kept in product().datastores.all()]}


@router.get("/datastores/{name}")
def show(name: str) -> dict[str, Any]:
    return datastore_view(product().datastores.get(name))


@router.delete("/datastores/{name}", status_code=204)
def delete(name: str) -> None:
    """The data stays where it is."""
    product().datastores.delete(name)
