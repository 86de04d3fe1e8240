"""Addresses to upload to. The bytes go straight to Blob Storage, as large as they may be."""

from typing import Annotated, Any

from fastapi import APIRouter
from pydantic import BaseModel, Field

from shared.app.uploads import Ticket
from shared.wiring import product

router = APIRouter(tags=["uploads"])

_Digest = Annotated[str, Field(pattern="^[0-9a-f]{64}$")]


class InputFile(BaseModel):
    """path: below the folder.  size: bytes.  sha256: part of the folder's digest."""

    path: str
    size: Annotated[int, Field(ge=0)]
    sha256: _Digest


class InputFiles(BaseModel):
    """digest: SHA-256 over the files' paths and contents; names the folder."""

    digest: _Digest
    files: Annotated[list[InputFile], Field(min_length=1, max_length=10_000)]


class DataFile(BaseModel):
    """path: in container `data`."""

    path: str


class DataFiles(BaseModel):
    files: Annotated[list[DataFile], Field(min_length=1, max_length=10_000)]


@router.post("/snapshots/{sha256}")
def snapshot(sha256: str) -> dict[str, Any]:
    """Where to put a zip of code with this SHA-256, unless it is there."""
    uri, ticket = product().uploads.snapshot(sha256)
    if ticket is None:
        return {"exists": True, "uri": uri}
    upload = {"url": ticket.url, "headers": ticket.headers}
    return {"exists": False, "uri": uri, "upload": upload}


@router.post("/contexts/{digest}")
def context(digest: str) -> dict[str, Any]:
    """Where to put a gzipped tar of a Docker build context, unless it is there."""
    uri, ticket = product().uploads.context(digest)
    if ticket is None:
        return {"exists": True, "uri": uri}
    return {"exists": False, "uri": uri, "upload": {"url": ticket.url, "headers": ticket.headers}}


@router.post("/inputs")
def inputs(wanted: InputFiles) -> dict[str, Any]:
    """Where to put those of a folder's files that aren't there."""
    files = [(file.path, file.size) for file in wanted.files]
    uri, tickets = product().uploads.inputs(wanted.digest, files)
    return {"uri": uri, "uploads": [_view(ticket) for ticket in tickets]}


@router.post("/data")
def data(wanted: DataFiles) -> dict[str, Any]:
    """Where to put files of data, new or anew. Their landing may start runs."""
    tickets = product().uploads.data([file.path for file in wanted.files])
    return {"uploads": [{**_view(ticket), "uri": ticket.uri} for ticket in tickets]}


def _view(ticket: Ticket) -> dict[str, Any]:
    return {"path": ticket.path, "url": ticket.url, "headers": ticket.headers}
