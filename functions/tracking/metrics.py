"""The history of metrics."""

from typing import Annotated, Any, Final

from fastapi import APIRouter, Query, Request

from functions.tracking.bearers import bearer, ours
from functions.tracking.views import point_view
from shared.domain.tracking_limits import wrong

router = APIRouter(prefix="/api/2.0/mlflow/metrics")

#: Runs in one request, and points of one in the answer, as MLflow has them.
MOST_RUNS: Final = 100
MOST_POINTS: Final = 25_000


@router.get("/get-history")
def history(
    request: Request,
    metric_key: str,
    run_id: str = "",
    run_uuid: str = "",
    max_results: Annotated[int, Query(ge=1)] | None = None,
    page_token: str = "",
) -> dict[str, Any]:
    """By step; `next_page_token` when max_results is less than there is."""
    points = ours(request).tracking.history(bearer(request), run_id or run_uuid, metric_key)
    if page_token and not page_token.isdecimal():
        raise wrong("This page_token was not given by Retrain.")
    begin = int(page_token or 0)
    end = len(points) if max_results is None else begin + max_results
    page = [point_view(metric_key, point) for point in points[begin:end]]
    return {"metrics": page, **({"next_page_token": str(end)} if end < len(points) else {})}


@router.get("/get-history-bulk")
def history_of_many(
    request: Request,
    metric_key: str,
    run_id: Annotated[list[str], Query(max_length=MOST_RUNS)],
    max_results: Annotated[int, Query(ge=1, le=MOST_POINTS)] = MOST_POINTS,
) -> dict[str, Any]:
    """Of each run its history, one after the other, each point with its run."""
    asking, found = bearer(request), []
    for one in run_id:
        points = ours(request).tracking.history(asking, one, metric_key)
        found += [{**point_view(metric_key, point), "run_id": one} for point in points]
    return {"metrics": found[:max_results]}


@router.get("/get-history-bulk-interval")
def sampled_history(
    request: Request,
    metric_key: str,
    run_ids: Annotated[list[str], Query(max_length=MOST_RUNS)],
    start_step: int | None = None,
    end_step: int | None = None,
    max_results: Annotated[int, Query(ge=1, le=2_500)] = 320,
) -> dict[str, Any]:
    """Of each run some points between two steps, evenly, and always the last one."""
    asking, found = bearer(request), []
    for one in run_ids:
        points = [
            point
            for point in ours(request).tracking.history(asking, one, metric_key)
            if (start_step is None or point.step >= start_step)
            and (end_step is None or point.step <= end_step)
        ]
        every = -(-len(points) // max_results) or 1
        chosen = [*points[::every], *(points[-1:] if (len(points) - 1) % every else ())]
        found += [{**point_view(metric_key, point), "run_id": one} for point in chosen]
    return {"metrics": found}
