"""What scripts log: metrics, params, tags, data sets."""

from typing import Any, Final

from fastapi import APIRouter, Request

from functions.tracking.bearers import bearer, ours
from functions.tracking.forms import (
    DeleteTag,
    LogBatch,
    LogInputs,
    LogMetric,
    LogOutputs,
    LogPair,
    Metric,
)
from shared.domain.tracked import Point

router = APIRouter(prefix="/api/2.0/mlflow/runs")
_NOTHING: Final[dict[str, Any]] = {}


@router.post("/log-metric")
def log_metric(request: Request, form: LogMetric) -> dict[str, Any]:
    ours(request).tracking.log(bearer(request), form.run_id, metrics=[_point(form)])
    return _NOTHING


@router.post("/log-batch")
def log_batch(request: Request, form: LogBatch) -> dict[str, Any]:
    ours(request).tracking.log(
        bearer(request),
        form.run_id,
        metrics=[_point(metric) for metric in form.metrics],
        params=[param.both for param in form.params],
        tags=[tag.both for tag in form.tags],
    )
    return _NOTHING


@router.post("/log-parameter")
def log_parameter(request: Request, form: LogPair) -> dict[str, Any]:
    ours(request).tracking.log(bearer(request), form.run_id, params=[form.both])
    return _NOTHING


@router.post("/set-tag")
def set_tag(request: Request, form: LogPair) -> dict[str, Any]:
    ours(request).tracking.log(bearer(request), form.run_id, tags=[form.both])
    return _NOTHING


@router.post("/delete-tag")
def delete_tag(request: Request, form: DeleteTag) -> dict[str, Any]:
    ours(request).tracking.delete_tag(bearer(request), form.run_id, form.key)
    return _NOTHING


@router.post("/log-inputs")
def log_inputs(request: Request, form: LogInputs) -> dict[str, Any]:
    asking = bearer(request)
    ours(request).tracking.describe(asking, form.run_id, "inputs", form.datasets)
    ours(request).tracking.describe(asking, form.run_id, "models_read", form.models)
    return _NOTHING


@router.post("/outputs")
def log_outputs(request: Request, form: LogOutputs) -> dict[str, Any]:
    ours(request).tracking.describe(bearer(request), form.run_id, "models", form.models)
    return _NOTHING


def _point(metric: Metric) -> tuple[str, Point]:
    return metric.key, Point(metric.step, metric.timestamp, metric.value)
