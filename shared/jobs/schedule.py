"""A schedule: a standing order to create a job when data lands, or at times.

`${{trigger.path}}` in the job of a data schedule is the path of the file that landed, from the root
of the datastore, `${{trigger.paths}}` those of all files of the run, `${{trigger.folder}}` the one
they are in; see `firing`.
"""

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Final

from pydantic import BeforeValidator, Field

from shared.jobs.clock_trigger import CronTrigger, RecurrenceTrigger
from shared.jobs.command import CommandJob
from shared.jobs.data_trigger import DataTrigger
from shared.jobs.document import Document
from shared.jobs.problems import refusal
from shared.jobs.text import Identifier, Tags, Text
from shared.jobs.ticks import AnyClock, check_fires

AnyTrigger = CronTrigger | RecurrenceTrigger | DataTrigger
_KINDS: Final[Mapping[str, type[CronTrigger] | type[RecurrenceTrigger] | type[DataTrigger]]] = {
    "cron": CronTrigger,
    "recurrence": RecurrenceTrigger,
    "data": DataTrigger,
}


def _read_trigger(value: Any) -> AnyTrigger:
    if isinstance(value, AnyTrigger):
        return value
    kind = value.get("type") if isinstance(value, Mapping) else None
    if not isinstance(kind, str) or kind not in _KINDS:
        remedy = "write {type: data, path: …}, {type: cron, expression: …} or {type: recurrence, …}"
        raise refusal(f"there is no trigger type '{kind}'" if kind else "has no `type`", remedy)
    trigger = _KINDS[kind].model_validate(value)
    if isinstance(trigger, AnyClock):
        check_fires(trigger)
    return trigger


def _inline_job(value: Any) -> Any:
    if isinstance(value, str):
        if value.startswith("azureml:"):
            raise refusal("jobs that exist already are not supported here yet", "write the job")
        raise refusal(
            f"'{value}' names a file, which only `retrain schedule create -f` can read",
            "write the job itself here",
        )
    return value


class Schedule(Document):
    """A trigger and the command job it creates."""

    not_yet: ClassVar[Mapping[str, str]] = {
        "properties": "use `tags`",
        "create_monitor": "use `create_job`",
    }

    schema_: str | None = Field(
        default=None, alias="$schema", description="Ignored, as for editors only."
    )
    name: Identifier = Field(description="1 to 64 letters, digits, - and _.")
    display_name: Text | None = Field(default=None, description="For people.")
    description: Text | None = Field(default=None, description="For people.")
    tags: Tags = Field(default={}, description="For people.")
    is_enabled: bool = Field(default=True, description="Whether the trigger fires.")
    trigger: Annotated[AnyTrigger, BeforeValidator(_read_trigger)] = Field(
        description="When the job is created."
    )
    create_job: Annotated[CommandJob, BeforeValidator(_inline_job)] = Field(
        description="The job; in a user's file also its file, or `{job: <file>}` and what is other."
    )
