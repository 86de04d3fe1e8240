"""What scripts logged with MLflow: metrics, params and tags of a run, and of its children."""

from datetime import timedelta
from typing import Annotated, Any, Final

from fastapi import APIRouter, Query

from functions.api.views import time
from functions.tracking.numbers import number
from shared.app.metrics import Scores
from shared.app.script_tracking import ROUTE
from shared.domain.tracked import Point, Standing
from shared.wiring import product

router = APIRouter(tags=["metrics"])

#: Hours that a token for everything is good for.
_LONGEST: Final = 24 * 30


@router.get("/jobs/{name}/metrics")
def metrics(name: str, children: bool = True) -> dict[str, Any]:
    """Of the run's last attempt, or of the child run with this id, as they stand now."""
    scores = product().metrics.scores(name)
    nested = children and not scores.tracked.child
    below = product().metrics.children(name) if nested else ()
    return {**_view(scores), "children": [_view(child) for child in below]}


@router.get("/jobs/{name}/metrics/{key:path}")
def history(name: str, key: str) -> dict[str, Any]:
    """All that was logged of one metric, by step."""
    return {"key": key, "points": [_point(p) for p in product().metrics.history(name, key)]}


@router.post("/tracking-tokens", status_code=201)
def token(hours: Annotated[int, Query(ge=1, le=_LONGEST)] = 12) -> dict[str, Any]:
    """For MLflow's client, which can't send the function's key: all runs, reading and writing.

    path: where the client finds the tracking routes, below this app's address.
    """
    until = product().now() + timedelta(hours=hours)
    given = product().tokens.for_everything(until)
    return {"path": ROUTE, "token": given, "expires_at": time(until)}


def _view(scores: Scores) -> dict[str, Any]:
    tracked, facts = scores.tracked, scores.facts
    return {
        "id": tracked.id,
        "run": tracked.run,
        "attempt": tracked.attempt,
        "name": facts.name or None,
        "status": facts.status or None,
        "metrics": {key: _standing(scores.metrics[key]) for key in sorted(scores.metrics)},
        "params": dict(sorted(facts.params.items())),
        "tags": dict(sorted(facts.tags.items())),
    }


def _standing(standing: Standing) -> dict[str, Any]:
    """min and max are null when all that was logged is NaN."""
    return {
        "last": _point(standing.last),
        "min": standing.min and _point(standing.min),
        "max": standing.max and _point(standing.max),
    }


def _point(point: Point) -> dict[str, Any]:
    """value: a number, or "NaN", "Infinity", "-Infinity".  timestamp: milliseconds since 1970."""
    return {"value": number(point.value), "step": point.step, "timestamp": point.timestamp}
