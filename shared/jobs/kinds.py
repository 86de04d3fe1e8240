"""What kind of document it is, from `type`, `$schema`, or what only that kind has."""

import re
from collections.abc import Mapping
from typing import Any

from shared.jobs.problems import Field, InvalidDocument, Problem

_SCHEMA = re.compile(r"(?:.*/)?(\w+?)(?:Job)?\.schema\.json")
_JOBS_NOT_YET = {
    "pipeline": "write each step as a command job of its own",
    "sweep": "start a command job for each choice, with `--set inputs.<name>=<value>`",
    "automl": "write the training as a command job",
    "autoML": "write the training as a command job",
    "spark": "run spark-submit in a command job whose image has it",
    "parallel": "split the data in the script of a command job",
    "import": "upload the data with `retrain data upload`",
    "finetuning": "write the training as a command job",
}
_OTHERS = frozenset(
    [
        "commandComponent",
        "pipelineComponent",
        "sparkComponent",
        "environment",
        "compute",
        "data",
        "model",
        "datastore",
        "workspace",
        "managedOnlineEndpoint",
        "managedOnlineDeployment",
        "batchEndpoint",
        "batchDeployment",
    ]
)


def kind_of(document: Mapping[str, Any]) -> str | None:
    """The kind named by `type` or else by `$schema`; without both a mapping with `trigger` and
    `create_job` is a schedule. None when nothing tells."""
    schema = document.get("$schema")
    named = _SCHEMA.fullmatch(schema) if isinstance(schema, str) else None
    if named and named[1] in _OTHERS:
        return named[1]  # a command component is of `type: command` too
    kind = document.get("type")
    if isinstance(kind, str):
        return kind
    if named:
        return named[1]
    return "schedule" if "trigger" in document and "create_job" in document else None


def check_kind(document: Any, wanted: str, field: Field = ()) -> None:
    """Raise InvalidDocument when the document is plainly of another kind than `wanted`."""
    if not isinstance(document, Mapping):
        raise InvalidDocument([Problem(field, "must be a mapping", "write `name: value` lines")])
    kind = kind_of(document)
    by_type = isinstance(document.get("type"), str) and kind not in _OTHERS
    told = (*field, "type" if by_type else "$schema")
    if kind in (None, wanted):
        return
    if kind in _JOBS_NOT_YET:
        message = f"{kind.lower()} jobs are not supported yet"
        raise InvalidDocument([Problem(told, message, _JOBS_NOT_YET[kind])])
    if kind == "schedule":
        where = told if "$schema" in document else field
        remedy = "create it with `retrain schedule create -f`"
        raise InvalidDocument([Problem(where, "this is a schedule, not a job", remedy)])
    if wanted == "schedule" and kind == "command":
        remedy = "create it with `retrain job create -f`"
        raise InvalidDocument([Problem(told, "this is a job, not a schedule", remedy)])
    if kind in _OTHERS:
        remedy = "only command jobs and schedules can be created in this version"
        raise InvalidDocument([Problem(told, f"'{kind}' documents are not supported yet", remedy)])
    if told[-1] == "type":
        raise InvalidDocument([Problem(told, f"there is no job type '{kind}'", f"write {wanted}")])
