"""The part of MLflow's REST that its client uses to track and to look at what was tracked."""

import logging
from collections.abc import Awaitable, Callable
from typing import Final

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException

from functions.tracking import (
    artifacts,
    experiments,
    logged_models,
    logging_routes,
    metrics,
    runs,
    server,
)
from functions.tracking.problems import answer, misread, told
from shared.app.script_tracking import ROUTE
from shared.domain.errors import RetrainError
from shared.domain.tracking_limits import REQUEST
from shared.wiring import Product, product

log = logging.getLogger("retrain.tracking")

#: Bytes of an artifact in one request; larger ones go in parts straight to Blob Storage.
LARGEST_ARTIFACT: Final = 100 * 1024 * 1024


def web(served: Callable[[], Product] = product) -> FastAPI:
    """The routes of a product, which is asked for with the first request."""
    app = FastAPI(openapi_url=None, docs_url=None, redoc_url=None)
    app.state.product = served
    for part in (logging_routes, runs, metrics, experiments, artifacts, logged_models, server):
        app.include_router(part.router, prefix=ROUTE)
    app.middleware("http")(_guarded)
    app.exception_handler(RetrainError)(_refused)
    app.exception_handler(RequestValidationError)(_misread)
    app.exception_handler(HTTPException)(_no_such_way)
    return app


async def _guarded(
    request: Request, call_next: Callable[[Request], Awaitable[Response]]
) -> Response:
    """Bodies of a sane size only; and what nobody foresaw is logged, not shown."""
    is_file = request.method == "PUT"
    most = LARGEST_ARTIFACT if is_file else REQUEST
    size = len(await request.body())
    if size > most:
        how = (
            "Set MLFLOW_ENABLE_PROXY_MULTIPART_UPLOAD=true and "
            "MLFLOW_MULTIPART_UPLOAD_MINIMUM_FILE_SIZE=8388608."
            if is_file
            else "Send it in several requests."
        )
        what = "Artifacts" if is_file else "Requests"
        message = f"{what} must be at most {most} bytes, got one of {size}. {how}"
        return told("INVALID_PARAMETER_VALUE", message)
    try:
        return await call_next(request)
    except Exception:  # the last one before the caller: it must not show a traceback
        log.exception("%s %s failed", request.method, request.url.path)
        return told("INTERNAL_ERROR", "Retrain failed on this request. See the app's log.")


async def _refused(request: Request, error: RetrainError) -> Response:
    return answer(error)


async def _misread(request: Request, error: RequestValidationError) -> Response:
    return misread(error)


async def _no_such_way(request: Request, error: HTTPException) -> Response:
    return told(
        "ENDPOINT_NOT_FOUND",
        f"Retrain serves no {request.method} {request.url.path.removeprefix(ROUTE)}: it tracks "
        "runs, and has no model registry, traces or the rest of MLflow's server. See "
        "docs/mlflow.md for what it serves.",
    )
