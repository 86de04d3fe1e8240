"""Artifacts: small ones through here, large ones in parts straight to Blob Storage.

Downloads are sent on to Blob Storage; the client follows, and leaves its token behind.
"""

import posixpath
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import RedirectResponse, Response

from functions.tracking.bearers import bearer, ours
from functions.tracking.forms import BeginUpload, FinishUpload
from shared.app.tracked_artifacts import Entry, root
from shared.app.tracked_words import artifact_uri
from shared.app.tracking import NotSupported

router = APIRouter(prefix="/api/2.0")


@router.get("/mlflow/artifacts/list")
def list_of_run(request: Request, run_id: str = "", run_uuid: str = "", path: str = "") -> Any:
    """Paths are below the run's root."""
    asking = bearer(request)
    tracked = ours(request).tracking.resolve(asking, run_id or run_uuid)
    folder = posixpath.join(root(tracked), path) if path else root(tracked)
    found = ours(request).artifacts.list(asking, folder)
    files = [_view(entry, posixpath.join(path, entry.path)) for entry in found]
    return {"root_uri": artifact_uri(tracked), "files": files}


@router.get("/mlflow-artifacts/artifacts")
def list_of_folder(request: Request, path: str = "") -> Any:
    """Paths are below the folder."""
    found = ours(request).artifacts.list(bearer(request), path)
    return {"files": [_view(entry, entry.path) for entry in found]}


@router.get("/mlflow-artifacts/artifacts/{path:path}", response_class=Response)
def download(request: Request, path: str) -> RedirectResponse:
    return RedirectResponse(ours(request).artifacts.link(bearer(request), path), 307)


@router.put("/mlflow-artifacts/artifacts/{path:path}")
async def upload(request: Request, path: str) -> Any:
    from starlette.concurrency import run_in_threadpool

    content, kind = await request.body(), request.headers.get("content-type", "")

    def put() -> None:
        ours(request).artifacts.put(bearer(request), path, content, kind)

    await run_in_threadpool(put)
    return {}


@router.delete("/mlflow-artifacts/artifacts/{path:path}")
def delete(request: Request, path: str) -> Any:
    bearer(request)
    raise NotSupported("what a run has left is kept")


@router.post("/mlflow-artifacts/mpu/create/{path:path}")
def begin(request: Request, path: str, form: BeginUpload) -> Any:
    whole = posixpath.join(path, posixpath.basename(form.path))
    upload, parts = ours(request).artifacts.begin(bearer(request), whole, form.num_parts)
    credentials = [{"part_number": one.number, "url": one.url, "headers": {}} for one in parts]
    return {"upload_id": upload, "credentials": credentials}


@router.post("/mlflow-artifacts/mpu/complete/{path:path}")
def finish(request: Request, path: str, form: FinishUpload) -> Any:
    whole = posixpath.join(path, posixpath.basename(form.path))
    numbers = [part.part_number for part in form.parts]
    ours(request).artifacts.finish(bearer(request), whole, form.upload_id, numbers)
    return {}


@router.post("/mlflow-artifacts/mpu/abort/{path:path}")
def abort(request: Request, path: str) -> Any:
    """Blob Storage forgets parts that nobody joined, after a week."""
    bearer(request)
    return {}


def _view(entry: Entry, path: str) -> dict[str, Any]:
    if entry.size is None:
        return {"path": path, "is_dir": True}
    return {"path": path, "is_dir": False, "file_size": entry.size}
