"""Tracked runs, experiments and files as MLflow's REST has them."""

from typing import Any

from functions.tracking.numbers import number
from shared.app.experiments import Experiment, experiment_id
from shared.app.tracked_words import USER, artifact_uri, begin, end, millis, run_name, status, tags
from shared.app.tracking import TrackedRun
from shared.domain.tracked import Point


def run_view(seen: TrackedRun) -> dict[str, Any]:
    metrics = [point_view(key, standing.last) for key, standing in sorted(seen.metrics.items())]
    return {
        "info": info_view(seen),
        "data": {
            "metrics": metrics,
            "params": _pairs(seen.facts.params),
            "tags": _pairs(tags(seen)),
        },
        "inputs": {
            "dataset_inputs": list(seen.facts.inputs),
            "model_inputs": list(seen.facts.models_read),
        },
        "outputs": {"model_outputs": list(seen.facts.models)},
    }


def info_view(seen: TrackedRun) -> dict[str, Any]:
    ended = end(seen)
    return {
        "run_id": seen.tracked.id,
        "run_uuid": seen.tracked.id,
        "run_name": run_name(seen),
        "experiment_id": experiment_id(seen.run.job.experiment_name),
        "user_id": USER,
        "status": status(seen),
        "start_time": begin(seen),
        **({} if ended is None else {"end_time": ended}),
        "artifact_uri": artifact_uri(seen.tracked),
        "lifecycle_stage": "active",
    }


def experiment_view(one: Experiment) -> dict[str, Any]:
    times = {"creation_time": millis(one.created), "last_update_time": millis(one.changed)}
    return {
        "experiment_id": one.id,
        "name": one.name,
        "artifact_location": "mlflow-artifacts:/",
        "lifecycle_stage": "active",
        "tags": [],
        **{name: at for name, at in times.items() if at is not None},
    }


def point_view(key: str, point: Point) -> dict[str, Any]:
    return {
        "key": key,
        "value": number(point.value),
        "timestamp": point.timestamp,
        "step": point.step,
    }


def _pairs(texts: dict[str, str]) -> list[dict[str, str]]:
    return [{"key": key, "value": text} for key, text in sorted(texts.items())]
