"""Pydantic's findings in the words of this project."""

from collections.abc import Mapping
from typing import Any

from shared.jobs.problems import Problem

_WORDS: Mapping[str, tuple[str, str]] = {
    "missing": ("is required", "add it"),
    "string_type": ("must be text", "put it in quotes"),
    "int_type": ("must be a whole number", "write digits, without quotes"),
    "int_from_float": ("must be a whole number", "leave out the fraction"),
    "int_parsing": ("must be a whole number", "write digits"),
    "float_parsing": ("must be a number", "write digits"),
    "float_type": ("must be a number", "write it without quotes"),
    "bool_type": ("must be true or false", "write it without quotes"),
    "dict_type": ("must be a mapping", "write `name: value` lines under it"),
    "model_type": ("must be a mapping", "write `name: value` lines under it"),
    "list_type": ("must be a list", "write one `- item` a line"),
    "greater_than": ("must be more than {gt}", "use a larger number"),
    "greater_than_equal": ("must be at least {ge}", "use a larger number"),
    "less_than_equal": ("must be at most {le}", "use a smaller number"),
    "enum": ("must be {expected}", "use one of these"),
    "literal_error": ("must be {expected}", "use one of these"),
}
_REQUIRED: Mapping[str, str] = {
    "command": "write what to run, for example `command: python train.py`",
    "environment": "write `environment: {image: docker.io/library/python:3.11}`",
    "image": "write `image: docker.io/library/python:3.11`, or the image you need",
    "path": "write `path:` and where the data is",
    "name": "write `name:` and what to call it",
    "trigger": "write `trigger: {type: data, path: …}` or `{type: cron, expression: …}`",
    "create_job": "write `create_job:` and the command job under it",
    "expression": "write `expression: '0 3 * * *'`",
}


def problem(detail: Any) -> Problem:
    """One of `ValidationError.errors()` as a Problem."""
    field = tuple(part for part in detail["loc"] if part != "[key]")
    kind, context = detail["type"], detail.get("ctx") or {}
    if kind == "refused":
        return Problem(field, detail["msg"], context["remedy"])
    if kind == "missing":
        return Problem(field, "is required", _REQUIRED.get(str(field[-1]), "add it"))
    if detail.get("input", ...) is None:
        return Problem(field, "has no value", "write one, or leave the field out")
    if field[-1:] == ("code",) and isinstance(detail.get("input"), Mapping):
        return Problem(field, "must be text", "write `code: <folder>`; `local_path:` is of 2021")
    if kind not in _WORDS:
        return Problem(field, detail["msg"].lower())
    message, remedy = _WORDS[kind]
    return Problem(field, message.format_map(context), remedy)
