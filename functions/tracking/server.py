"""What the client asks of a server before it decides how to go on."""

from typing import Any

from fastapi import APIRouter, Request

from functions.tracking.bearers import bearer

router = APIRouter(prefix="/api/3.0/mlflow")


@router.get("/server-info")
def server_info(request: Request) -> dict[str, Any]:
    bearer(request)
    return {
        "store_type": "RetrainStore",
        "workspaces_enabled": False,
        "trace_archival_enabled": False,
        "multipart_uploads_enabled": True,
        "multipart_downloads_enabled": False,
    }
