"""Runs: get, begin a child, tell its end, search."""

from typing import Any

from fastapi import APIRouter, Request

from functions.tracking.bearers import bearer, ours
from functions.tracking.forms import CreateRun, RunForm, SearchRuns, UpdateRun
from functions.tracking.views import info_view, run_view
from shared.app.tracking import NotSupported

router = APIRouter(prefix="/api/2.0/mlflow/runs")


@router.get("/get")
def get(request: Request, run_id: str = "", run_uuid: str = "") -> dict[str, Any]:
    seen = ours(request).tracking.get(bearer(request), run_id or run_uuid)
    return {"run": run_view(seen)}


@router.post("/create")
def create(request: Request, form: CreateRun) -> dict[str, Any]:
    """A child of the run whose script asks, or of the one that mlflow.parentRunId names."""
    seen = ours(request).tracking.create(
        bearer(request),
        experiment=form.experiment_id,
        begun=form.start_time,
        name=form.run_name,
        tags=[tag.both for tag in form.tags],
    )
    return {"run": run_view(seen)}


@router.post("/update")
def update(request: Request, form: UpdateRun) -> dict[str, Any]:
    """The answer says what is so: of the job's own run the status is Retrain's."""
    seen = ours(request).tracking.update(
        bearer(request), form.run_id, status=form.status, ended=form.end_time, name=form.run_name
    )
    return {"run_info": info_view(seen)}


@router.post("/search")
def search(request: Request, form: SearchRuns) -> dict[str, Any]:
    page = ours(request).tracked_search.page(
        bearer(request),
        experiments=form.experiment_ids,
        wanted=form.filter,
        order=form.order_by,
        limit=form.max_results,
        after=form.page_token,
        deleted=form.run_view_type == "DELETED_ONLY",
    )
    runs = [run_view(seen) for seen in page.runs]
    return {"runs": runs, **({"next_page_token": page.next} if page.next else {})}


@router.post("/delete")
@router.post("/restore")
def delete(request: Request, form: RunForm) -> dict[str, Any]:
    ours(request).tracking.resolve(bearer(request), form.run_id)
    raise NotSupported("runs are kept, with all they logged")
