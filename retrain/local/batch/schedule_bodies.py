"""The request bodies of job schedules."""

from __future__ import annotations

from typing import Any, Final

from retrain.local.batch import job_bodies
from retrain.local.batch.bodies import METADATA, NAME
from retrain.local.batch.errors import invalid
from retrain.local.batch.plan import Plan
from retrain.local.batch.schema import duration_of, identifier, moment, record

_SPAN: Final = duration_of(at_least="PT1M")
_SCHEDULE: Final = record(
    {
        "doNotRunUntil": moment,
        "doNotRunAfter": moment,
        "startWindow": _SPAN,
        "recurrenceInterval": _SPAN,
    }
)
_CHANGE: Final = {
    "schedule": _SCHEDULE,
    "jobSpecification": job_bodies.JOB_SPECIFICATION,
    "metadata": METADATA,
}
_NEW: Final = record(
    {
        "id!": identifier,
        "displayName": NAME,
        "schedule!": _SCHEDULE,
        "jobSpecification!": job_bodies.JOB_SPECIFICATION,
        "metadata": METADATA,
    }
)
_PATCH: Final = record(_CHANGE)
WRITABLE: Final = frozenset(_CHANGE)


def check_new(body: dict[str, Any]) -> None:
    """A whole new schedule. Raises Refused."""
    _NEW("", body)
    _check_parts(body)


def check_change(body: dict[str, Any]) -> None:
    """What a change names. Raises Refused."""
    _PATCH("", body)
    _check_parts(body)


def _check_parts(body: dict[str, Any]) -> None:
    if body.get("jobSpecification") is not None:
        job_bodies.check_job(body["jobSpecification"], of_schedule=True)
    if body.get("schedule") is not None:
        plan = Plan.of(body["schedule"])
        if plan.not_before and plan.not_after and plan.not_after <= plan.not_before:
            reason = "doNotRunAfter must be later than doNotRunUntil"
            raise invalid("schedule.doNotRunAfter", body["schedule"]["doNotRunAfter"], reason)
