"""Registered data and models: versions, labels, files, and which runs they have to do with.

A reference in a path is a name, `wine:3`, or `wine@latest`.
"""

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Body, Response
from fastapi.responses import RedirectResponse

from functions.api.views import asset_view, file_view, listed_view, use_view
from shared.wiring import product

router = APIRouter(prefix="/assets/{kind}", tags=["assets"])

Kind = Literal["data", "models"]


@router.post("", status_code=201)
def register(
    kind: Kind, document: Annotated[dict[str, Any], Body()], response: Response
) -> dict[str, Any]:
    """Register a version: 201, or 200 when it is there with this very content, or 409."""
    asset, new = product().catalog.register(kind, document)
    response.status_code = 201 if new else 200
    return asset_view(asset, product().assets.labels(kind, asset.name))


@router.get("")
def names(kind: Kind, archived: bool = False) -> dict[str, Any]:
    """By name; archived ones only when asked for."""
    found = product().assets.names(kind)
    return {"assets": [listed_view(one) for one in found if archived or not one.archived]}


@router.get("/{reference}")
def show(kind: Kind, reference: str) -> dict[str, Any]:
    """One version, with all the versions there are of its name."""
    assets = product().assets
    asset = product().catalog.find(kind, reference)
    shown = asset_view(asset, assets.labels(kind, asset.name))
    return {**shown, "versions": [*assets.versions(kind, asset.name)]}


@router.get("/{reference}/lineage")
def lineage(kind: Kind, reference: str) -> dict[str, Any]:
    """Which run made the version, and which used it: the newest, and how many."""
    asset = product().catalog.find(kind, reference)
    maker, uses = product().lineage.of_asset(asset)
    return {
        "asset": asset.reference,
        "made_by": maker,
        "used_by": [use_view(run) for run in uses.runs],
        "used_by_count": uses.count,
    }


@router.post("/{reference}/archive", status_code=204)
def archive(kind: Kind, reference: str) -> None:
    """A name alone: all of its versions, and those to come. They can still be named."""
    product().catalog.archive(kind, reference)


@router.post("/{reference}/restore", status_code=204)
def restore(kind: Kind, reference: str) -> None:
    """Undo `archive`."""
    product().catalog.archive(kind, reference, back=True)


@router.put("/{reference}/labels/{label}", status_code=204)
def label(kind: Kind, reference: str, label: str) -> None:
    """Let the label stand for this version, and for no other one of its name."""
    product().catalog.label(kind, reference, label)


@router.get("/{reference}/files")
def files(kind: Kind, reference: str) -> dict[str, Any]:
    """What is there now, by path below the version's own."""
    found = product().catalog.files(product().catalog.find(kind, reference))
    return {"files": [file_view(file) for file in found]}


@router.get("/{reference}/files/{path:path}", response_class=Response)
def file(kind: Kind, reference: str, path: str) -> RedirectResponse:
    """Where the file can be read for a while; follow it without the function's key."""
    asset = product().catalog.find(kind, reference)
    return RedirectResponse(product().catalog.link(asset, path), 307)
