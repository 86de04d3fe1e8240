"""Experiments: the names that jobs group their runs by."""

from typing import Any

from fastapi import APIRouter, Request

from functions.tracking.bearers import bearer, ours
from functions.tracking.forms import CreateExperiment, SearchExperiments
from functions.tracking.views import experiment_view
from shared.app.tracking import NotSupported

router = APIRouter(prefix="/api/2.0/mlflow/experiments")


@router.get("/get")
def get(request: Request, experiment_id: str) -> dict[str, Any]:
    asking = bearer(request)
    return {"experiment": experiment_view(ours(request).experiments.by_id(asking, experiment_id))}


@router.get("/get-by-name")
def get_by_name(request: Request, experiment_name: str) -> dict[str, Any]:
    asking = bearer(request)
    return {
        "experiment": experiment_view(ours(request).experiments.by_name(asking, experiment_name))
    }


@router.post("/create")
def create(request: Request, form: CreateExperiment) -> dict[str, Any]:
    bearer(request)
    if form.artifact_location:
        raise NotSupported("artifacts are kept with their runs", "Leave artifact_location out.")
    if form.tags:
        raise NotSupported("experiments have no tags", "Leave tags out.")
    return {"experiment_id": ours(request).experiments.create(form.name).id}


@router.post("/search")
def search(request: Request, form: SearchExperiments) -> dict[str, Any]:
    return _search(request, form)


@router.get("/search")
def search_by_query(request: Request, max_results: int = 1000) -> dict[str, Any]:
    return _search(request, SearchExperiments(max_results=max_results))


def _search(request: Request, form: SearchExperiments) -> dict[str, Any]:
    bearer(request)
    page = ours(request).tracked_search.experiments(
        wanted=form.filter,
        order=form.order_by,
        limit=form.max_results,
        after=form.page_token,
        deleted=form.view_type == "DELETED_ONLY",
    )
    found = [experiment_view(one) for one in page.experiments]
    return {"experiments": found, **({"next_page_token": page.next} if page.next else {})}
