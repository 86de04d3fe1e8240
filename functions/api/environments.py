"""Environments by name, and the building of their images."""

from typing import Annotated, Any

from fastapi import APIRouter, Body, Query, Response
from pydantic import BaseModel, Field

from functions.api.views import time
from shared.app.assets import Asset
from shared.app.environments import environment_of
from shared.app.image_builds import BuildRecord
from shared.jobs.references import AssetReference
from shared.wiring import product

router = APIRouter(tags=["environments"])

_Key = Annotated[str, Field(pattern="^[0-9a-f]{64}$")]


class BuildRequest(BaseModel):
    """environment: a document, or a name such as azureml:mine:1.  look: 0 the first time, which
    tries a failed build again; then ask with 1 until its state is not `building`."""

    environment: dict[str, Any] | str
    look: Annotated[int, Field(ge=0)] = 0


@router.post("/environments", status_code=201)
def create(document: Annotated[dict[str, Any], Body()], response: Response) -> dict[str, Any]:
    """Register (201); the same content again is the same version (200)."""
    asset, new = product().environments.create(document)
    response.status_code = 201 if new else 200
    return environment_view(asset, None)


@router.get("/environments")
def environments() -> dict[str, Any]:
    return {
        "environments": [
            {
                "name": one.name,
                "versions": [*one.versions],
                "archived": one.archived,
                "labels": dict(one.labels),
            }
            for one in product().environments.names()
        ]
    }


@router.get("/environments/{name}")
def show(name: str, version: str | None = None, label: str | None = None) -> dict[str, Any]:
    """One version, by its number or a label; without either the latest."""
    asset = product().environments.get(AssetReference(name, version=version, label=label))
    return environment_view(asset, product().environments.built(asset))


@router.post("/environments/{name}/archive", status_code=204)
def archive(name: str, version: str | None = None, back: bool = False) -> None:
    """Leave it out of `@latest`, or all of that name; it can still be used by its version. back:
    as `restore`."""
    product().environments.archive(name, version, back=back)


@router.post("/environments/{name}/restore", status_code=204)
def restore(name: str, version: str | None = None) -> None:
    """Undo `archive`."""
    product().environments.archive(name, version, back=True)


@router.post("/environments-build")
def build(wanted: BuildRequest) -> dict[str, Any]:
    """Have the image built, unless it is there or is being built. Ask again for how it stands."""
    key, state = product().environments.build(wanted.environment, afresh=wanted.look == 0)
    return {"key": key, "state": state.state, "image": state.image, "reason": state.reason}


@router.get("/environments-build/{key}/log", response_class=Response)
def log(
    key: _Key,
    offset: Annotated[int, Query(ge=0)] = 0,
    limit: Annotated[int, Query(ge=1, le=4 * 1024 * 1024)] = 1024 * 1024,
) -> Response:
    """What the last build of the image has said. Complete: it has ended, and this was all."""
    text, ended = product().builds.log(key, offset, limit)
    headers = {
        "Retrain-Next-Offset": str(offset + len(text)),
        "Retrain-Complete": str(ended and len(text) < limit).lower(),
    }
    return Response(text, media_type="text/plain; charset=utf-8", headers=headers)


def environment_view(asset: Asset, built: BuildRecord | None) -> dict[str, Any]:
    environment = environment_of(asset)
    return {
        **asset.document,
        "name": asset.name,
        "version": asset.version,
        "created_at": time(asset.created_at),
        "key": environment.key,
        "built": built
        and {
            "state": built.state,
            "image": built.image,
            "reason": built.reason,
            "began_at": time(built.claimed_at),
            "ended_at": time(built.ended_at),
        },
    }
