"""Jobs and their runs: submit, list, show, cancel, logs, outputs."""

from typing import Annotated, Any

from fastapi import APIRouter, Body, Header, Query
from fastapi.responses import RedirectResponse, Response

from functions.api.costs import shown_run
from functions.api.views import file_view, lineage_view, summary_view
from shared.app.logs import LogFile
from shared.domain.status import Status
from shared.wiring import product

router = APIRouter(tags=["jobs"])

_Limit = Annotated[int, Query(ge=1, le=1000)]
_Bytes = Annotated[int, Query(ge=1, le=4 * 1024 * 1024)]
_Attempt = Annotated[int | None, Query(ge=1)]  # the last one, when it isn't said
_Offset = Annotated[int, Query(ge=0)]


@router.post("/jobs", status_code=202)
def submit(
    document: Annotated[dict[str, Any], Body()],
    idempotency_key: Annotated[str | None, Header(max_length=200)] = None,
) -> dict[str, Any]:
    """Train. Sent again under the same Idempotency-Key it is the same run."""
    return shown_run(product().admission.submit_document(document, idempotency_key))


@router.get("/jobs")
def runs(
    status: Annotated[list[Status] | None, Query()] = None,
    experiment: str | None = None,
    schedule: str | None = None,
    limit: _Limit = 50,
    before: str | None = None,
) -> dict[str, Any]:
    """Newest first; `next` is the `before` of the following page, `total` how many there are from
    this page's first on."""
    page = product().queries.page(
        statuses=status or [],
        experiment=experiment,
        schedule=schedule,
        limit=limit,
        before=before,
    )
    shown = [summary_view(run) for run in page.runs]
    return {"jobs": shown, "next": page.next, "total": page.total}


@router.get("/jobs/{name}")
def show(name: str) -> dict[str, Any]:
    """The run as it stands, and whom it has told of its end."""
    run = product().queries.show(name)
    shown = shown_run(run, product().refusals.of_run(run))
    return {**shown, "notified": [*product().deliveries.of(run)]}


@router.get("/jobs/{name}/lineage")
def lineage(name: str) -> dict[str, Any]:
    """What the run read and wrote, exactly; who made the one, and who used the other."""
    return lineage_view(product().lineage.of_run(name))


@router.post("/jobs/{name}/cancel", status_code=202)
def cancel(name: str) -> dict[str, Any]:
    """Ask for the run's end. One that is over stays as it is."""
    return shown_run(product().admission.cancel(name))


@router.get("/jobs/{name}/logs", response_class=Response)
def logs(
    name: str,
    file: LogFile = "stdout.txt",
    offset: _Offset = 0,
    limit: _Bytes = 1024 * 1024,
    attempt: _Attempt = None,
) -> Response:
    """Bytes from `offset`. Ask again from Retrain-Next-Offset until Retrain-Complete is true."""
    chunk = product().logs.read(name, file, offset, limit, attempt)
    headers = {
        "Retrain-Next-Offset": str(chunk.next_offset),
        "Retrain-Complete": str(chunk.complete).lower(),
    }
    return Response(chunk.content, media_type="text/plain; charset=utf-8", headers=headers)


@router.get("/jobs/{name}/outputs")
def outputs(name: str, attempt: _Attempt = None) -> dict[str, Any]:
    """What an attempt left, else the last: outputs/…, logs/…, stdout.txt, stderr.txt."""
    return {"files": [file_view(file) for file in product().queries.outputs(name, attempt)]}


@router.get("/jobs/{name}/outputs/{path:path}", response_class=Response)
def output(name: str, path: str, attempt: _Attempt = None) -> RedirectResponse:
    """Where the file can be read for a while; follow it without the function's key."""
    return RedirectResponse(product().queries.output_link(name, path, attempt), 307)
