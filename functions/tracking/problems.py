"""Errors as MLflow tells them: `{"error_code", "message"}`, under the status that it gives them."""

from collections.abc import Mapping, Sequence
from typing import Final

from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse

from shared.domain.errors import Invalid, NotFound, RetrainError, Transient
from shared.domain.tracking_limits import CODE

#: Source: ERROR_CODE_TO_HTTP_STATUS of mlflow 3.17.
STATUS: Final[Mapping[str, int]] = {
    "INTERNAL_ERROR": 500,
    "NOT_IMPLEMENTED": 501,
    "TEMPORARILY_UNAVAILABLE": 503,
    "RESOURCE_DOES_NOT_EXIST": 404,
    "ENDPOINT_NOT_FOUND": 404,
    "PERMISSION_DENIED": 403,
    "UNAUTHENTICATED": 401,
    "RESOURCE_ALREADY_EXISTS": 400,
    CODE: 400,
}
_KINDS: Final[Sequence[tuple[type[RetrainError], str]]] = (
    (NotFound, "RESOURCE_DOES_NOT_EXIST"),
    (Invalid, CODE),
    (Transient, "TEMPORARILY_UNAVAILABLE"),
    (RetrainError, "INTERNAL_ERROR"),
)


def answer(error: RetrainError) -> JSONResponse:
    code = error.code
    if code not in STATUS:
        code = next(word for kind, word in _KINDS if isinstance(error, kind))
    return told(code, f"{error.message} {error.remedy}".strip())


def misread(error: RequestValidationError) -> JSONResponse:
    """The request itself is off: its JSON, a field's type, a field that is missing."""
    first = error.errors()[0]
    if first["type"] == "json_invalid":
        return told(CODE, "The body is no JSON.")
    field = ".".join(str(part) for part in first["loc"][1:]) or "the body"
    if first["type"] == "missing":
        return told(CODE, f"Missing value for required parameter '{field}'.")
    return told(CODE, f"Invalid value for parameter '{field}': {first['msg']}.")


def told(code: str, message: str) -> JSONResponse:
    return JSONResponse({"error_code": code, "message": message}, STATUS[code])
