"""Models as MLflow 3 logs them: `mlflow.<flavor>.log_model`."""

from itertools import islice
from typing import Any

from fastapi import APIRouter, Request
from pydantic import BaseModel

from functions.tracking.bearers import bearer, ours
from functions.tracking.forms import Pair
from shared.app.logged_models import Model
from shared.app.tracking import NotSupported
from shared.domain.tracking_filter import Fields, parse_filter

router = APIRouter(prefix="/api/2.0/mlflow/logged-models")


class CreateModel(BaseModel):
    name: str = ""
    model_type: str = ""
    source_run_id: str = ""
    params: list[Pair] = []
    tags: list[Pair] = []


class FinalizeModel(BaseModel):
    status: str


class Pairs(BaseModel):
    params: list[Pair] = []
    tags: list[Pair] = []


class SearchModels(BaseModel):
    experiment_ids: list[str] = []
    filter: str = ""
    order_by: list[Any] = []
    datasets: list[Any] = []
    max_results: int = 100


@router.post("")
def create(request: Request, form: CreateModel) -> dict[str, Any]:
    model = ours(request).logged_models.create(
        bearer(request),
        source=form.source_run_id,
        name=form.name,
        kind=form.model_type,
        params=[param.both for param in form.params],
        tags=[tag.both for tag in form.tags],
    )
    return _view(model)


@router.post("/search")
def search(request: Request, form: SearchModels) -> dict[str, Any]:
    """Of the experiments, newest runs first."""
    if form.order_by or form.datasets:
        raise NotSupported("logged models are not ordered or found by data sets")
    conditions = parse_filter(form.filter)
    models = ours(request).logged_models.of(bearer(request), {*form.experiment_ids})
    chosen = (
        _view(model)["model"]
        for model in models
        if all(condition.holds(_fields(model)) for condition in conditions)
    )
    return {"models": [*islice(chosen, max(form.max_results, 1))]}


@router.get("/{model_id}")
def get(request: Request, model_id: str) -> dict[str, Any]:
    return _view(ours(request).logged_models.get(bearer(request), model_id))


@router.patch("/{model_id}")
def finalize(request: Request, model_id: str, form: FinalizeModel) -> dict[str, Any]:
    return _view(ours(request).logged_models.finalize(bearer(request), model_id, form.status))


@router.delete("/{model_id}")
def delete(request: Request, model_id: str) -> dict[str, Any]:
    ours(request).logged_models.get(bearer(request), model_id)
    raise NotSupported("what a run has left is kept")


@router.post("/{model_id}/params")
def log_params(request: Request, model_id: str, form: Pairs) -> dict[str, Any]:
    params = [param.both for param in form.params]
    ours(request).logged_models.add(bearer(request), model_id, params=params)
    return {}


@router.patch("/{model_id}/tags")
def set_tags(request: Request, model_id: str, form: Pairs) -> dict[str, Any]:
    tags = [tag.both for tag in form.tags]
    return _view(ours(request).logged_models.add(bearer(request), model_id, tags=tags))


@router.delete("/{model_id}/tags/{key}")
def delete_tag(request: Request, model_id: str, key: str) -> dict[str, Any]:
    ours(request).logged_models.untag(bearer(request), model_id, key)
    return {}


def _fields(model: Model) -> Fields:
    """What filters see. In their language `name` is an alias of run_name."""
    attributes = {
        "run_name": model.name,
        "source_run_id": model.source,
        "model_id": model.key.id,
        "model_type": model.type,
        "status": model.status.removeprefix("LOGGED_MODEL_"),
    }
    return {"attributes": attributes, "params": model.params, "tags": model.tags, "metrics": {}}


def _view(model: Model) -> dict[str, Any]:
    info = {
        "model_id": model.key.id,
        "experiment_id": model.experiment,
        "name": model.name,
        "creation_timestamp_ms": model.begun,
        "last_updated_timestamp_ms": model.changed,
        "artifact_uri": model.key.artifact_uri,
        "status": model.status,
        "model_type": model.type,
        "source_run_id": model.source,
        "tags": [{"key": key, "value": text} for key, text in sorted(model.tags.items())],
    }
    params = [{"key": key, "value": text} for key, text in sorted(model.params.items())]
    return {"model": {"info": info, "data": {"params": params, "metrics": []}}}
