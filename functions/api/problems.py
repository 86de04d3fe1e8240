"""Errors as the API tells them: `{"error": {code, message, remedy, details}}`, no traceback."""

import json
from collections.abc import Sequence
from typing import Any

from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse

from shared.domain.errors import (
    Conflict,
    Invalid,
    NotFound,
    Permanent,
    RetrainError,
    Taken,
    Transient,
)
from shared.jobs import field_name
from shared.jobs.wording import problem

_STATUS: Sequence[tuple[type[RetrainError], int]] = (
    (NotFound, 404),
    (Invalid, 422),
    (Taken, 409),
    (Conflict, 409),
    (Transient, 503),
    (Permanent, 502),
)


class _Ascii(JSONResponse):
    """What is wrong with a text may quote it, and half a surrogate pair is no UTF-8."""

    def render(self, content: Any) -> bytes:
        return json.dumps(content).encode()


def answer(error: RetrainError) -> JSONResponse:
    status = next(code for kind, code in _STATUS if isinstance(error, kind))
    details = error.details if isinstance(error, Invalid) else ()
    return told(status, error.code, error.message, error.remedy, details)


def invalid_request(error: RequestValidationError) -> JSONResponse:
    """The request itself is off: its JSON, its query, its form."""
    found = [problem({**one, "loc": one["loc"][1:]}) for one in error.errors()]
    details = [
        (field_name(one.field), f"{one.message}; {one.remedy}".rstrip("; ")) for one in found
    ]
    no_json = any(one["type"] == "json_invalid" for one in error.errors())
    message = "The body is no JSON." if no_json else f"{': '.join(filter(None, details[0]))}."
    return told(422, "InvalidRequest", message, "See /api/docs for what is expected.", details)


def told(
    status: int,
    code: str,
    message: str,
    remedy: str = "",
    details: Sequence[tuple[str, str]] = (),
) -> JSONResponse:
    named = [{"field": field, "message": text} for field, text in details]
    content = {"code": code, "message": message, "remedy": remedy, "details": named}
    return _Ascii({"error": content}, status)
