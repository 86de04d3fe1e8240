"""What the client asks of a server before it decides how to go on, and what its links lead to."""

from typing import Any, Final

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse

from functions.tracking.bearers import bearer

router = APIRouter()

#: The client prints links to MLflow's page when a run ends: `/#/experiments/<id>/runs/<run>`.
_PAGE: Final = """<!DOCTYPE html>
<meta charset="utf-8"><title>Retrain</title>
<p>Retrain tracks what MLflow's client logs, and has no page of MLflow's own. See it with
<pre id="command">retrain job list</pre>
<script>
const run = location.hash.match(/\\/runs\\/([\\w-]+)/);
if (run) document.getElementById("command").textContent = "retrain job metrics " + run[1];
</script>
"""


@router.get("/", response_class=HTMLResponse)
def page() -> str:
    """Nothing of any run is on it, so it needs no token."""
    return _PAGE


@router.get("/api/3.0/mlflow/server-info")
def server_info(request: Request) -> dict[str, Any]:
    bearer(request)
    return {
        "store_type": "RetrainStore",
        "workspaces_enabled": False,
        "trace_archival_enabled": False,
        "multipart_uploads_enabled": True,
        "multipart_downloads_enabled": False,
    }
