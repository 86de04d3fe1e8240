"""The HTTP API: FastAPI behind one function, so that it has types, errors and an OpenAPI page."""

import logging
import re
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Final

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException

from functions.api import (
    assets,
    compute,
    computes,
    datastores,
    dead_letters,
    environments,
    jobs,
    metrics,
    schedules,
    uploads,
)
from functions.api.access import Guard, guard
from functions.api.problems import answer, invalid_request, told
from functions.api.version import VERSION
from shared.domain.errors import RetrainError
from shared.ports.telemetry import Call
from shared.settings import SignIn
from shared.wiring import telemetry

log = logging.getLogger("retrain.api")

#: Bytes of a request's body: documents, never code or data, which go to Blob Storage.
LARGEST_BODY: Final = 1024 * 1024
_UNNAMEABLE: Final = re.compile(r"[\x00-\x1f\x7f-\x9f]")


def web(sign_in: SignIn | None = None, rate: int = 0) -> FastAPI:
    """sign_in: who may sign in; None when the host asks for keys.  rate: requests a minute and
    caller, 0 for any number."""
    app = FastAPI(
        title="Retrain",
        version=VERSION,
        summary="Trains models when something happens.",
        docs_url="/api/docs",
        redoc_url=None,
        openapi_url="/api/openapi.json",
    )
    for part in (
        jobs,
        metrics,
        uploads,
        schedules,
        environments,
        compute,
        computes,
        assets,
        datastores,
        dead_letters,
    ):
        app.include_router(part.router, prefix="/api")
    app.middleware("http")(partial(_guarded, guard(sign_in, rate)))
    app.exception_handler(RetrainError)(_refused)
    app.exception_handler(RequestValidationError)(_misread)
    app.exception_handler(HTTPException)(_no_such_way)
    return app


async def _guarded(
    access: Guard, request: Request, call_next: Callable[[Request], Awaitable[Response]]
) -> Response:
    """Those who may, and bodies of a sane size only; what nobody foresaw is logged, not shown."""
    said = await access.admit(request) or await _answered(request, call_next)
    access.record(request, said.status_code)
    return said


async def _answered(
    request: Request, call_next: Callable[[Request], Awaitable[Response]]
) -> Response:
    if _UNNAMEABLE.search(str(request.scope["path"])):
        # Blob Storage answers those with errors of its own, some of them 500.
        remedy = "Look the name up in a list, such as /api/jobs."
        return told(404, "NoSuchName", "No name has control characters in it.", remedy)
    # The worker holds the whole body already; a header might not say how long it is.
    if len(await request.body()) > LARGEST_BODY:
        limit = f"{LARGEST_BODY // 1024} KiB"
        remedy = "Put long texts into files of the code folder."
        return told(413, "BodyTooLarge", f"The body is larger than {limit}.", remedy)
    asked = Call(f"{request.method} /api", "http", caller=request.headers.get("traceparent", ""))
    try:
        with telemetry().call(asked):
            answered = await call_next(request)
            route = str(getattr(request.scope.get("route"), "path", "")).removeprefix("/api")
            asked.name = f"{request.method} /api{route}"
            return answered
    except Exception:  # the last one before the caller: it must not show a traceback
        log.exception("%s %s failed", request.method, request.url.path)
        return told(500, "Internal", "Retrain failed on this request.", "See the app's log.")


async def _refused(request: Request, error: RetrainError) -> Response:
    return answer(error)


async def _misread(request: Request, error: RequestValidationError) -> Response:
    return invalid_request(error)


async def _no_such_way(request: Request, error: HTTPException) -> Response:
    codes = {404: "NoSuchRoute", 405: "MethodNotAllowed"}
    code = codes.get(error.status_code, "HttpError")
    return told(error.status_code, code, f"{error.detail}: {request.method} {request.url.path}.")
