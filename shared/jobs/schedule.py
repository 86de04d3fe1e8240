"""A schedule: a standing order to create a job when data lands, or at times a cron expression says.

`${{trigger.path}}` in the job of a data schedule is the path of the file that landed, from the root
of the datastore; `job_for_file` makes that file's job.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any, ClassVar, Literal
from zoneinfo import ZoneInfo

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    PlainSerializer,
    model_validator,
)

from shared.jobs.command import CommandJob
from shared.jobs.cron import check_cron
from shared.jobs.datastore import (
    DEFAULT_DATASTORE,
    checked_path,
    is_datastore_uri,
    parse_datastore_path,
)
from shared.jobs.document import Document
from shared.jobs.glob import matches
from shared.jobs.problems import refusal
from shared.jobs.text import Identifier, NonEmptyText, ScalarText, Text
from shared.jobs.timezones import zone


def _time(value: Any) -> datetime:
    if isinstance(value, datetime):
        return value
    try:
        return datetime.fromisoformat(value)
    except (TypeError, ValueError):
        raise refusal(
            f"'{value}' is not a time", "write it like 2026-07-10T10:00:00 (in `time_zone`)"
        ) from None


def _zone_name(name: str) -> str:
    zone(name)
    return name


#: A moment; without an offset it is one on the clock of `time_zone`.
Time = Annotated[datetime, BeforeValidator(_time), PlainSerializer(datetime.isoformat)]


class CronTrigger(Document):
    """Fires at the times of a cron expression, between `start_time` and `end_time`."""

    type: Literal["cron"] = Field(description="The kind of trigger.")
    expression: Annotated[Text, AfterValidator(check_cron)] = Field(
        description="Minute, hour, day of the month, month, day of the week."
    )
    start_time: Time | None = Field(default=None, description="Not before this moment.")
    end_time: Time | None = Field(default=None, description="Not after this moment.")
    time_zone: Annotated[Text, AfterValidator(_zone_name)] = Field(
        default="UTC", description="IANA or Windows name of the clock the expression is read on."
    )

    @property
    def zone(self) -> ZoneInfo:
        """The clock the expression is read on."""
        return zone(self.time_zone)

    @property
    def starts_at(self) -> datetime | None:
        """`start_time` with its offset; None when there is none."""
        return self._on_the_clock(self.start_time)

    @property
    def ends_at(self) -> datetime | None:
        """`end_time` with its offset; None when there is none."""
        return self._on_the_clock(self.end_time)

    def _on_the_clock(self, time: datetime | None) -> datetime | None:
        return time.replace(tzinfo=self.zone) if time and time.tzinfo is None else time

    @model_validator(mode="after")
    def _in_order(self) -> "CronTrigger":
        if self.starts_at and self.ends_at and self.ends_at <= self.starts_at:
            raise refusal("end_time is not after start_time", "use a later end_time")
        return self


def _pattern(path: str) -> str:
    if not is_datastore_uri(path):
        if path.startswith(("azureml:", "http:", "https:", "wasbs:", "abfss:", "/", "./")):
            raise refusal(f"'{path}' is not a pattern of files", "write it like wine/*.csv")
        return checked_path(path)
    address = parse_datastore_path(path)
    if address.store != DEFAULT_DATASTORE:
        raise refusal(
            f"files that land in '{address.store}' start nothing", f"use {DEFAULT_DATASTORE}"
        )
    if not address.path:
        raise refusal("the pattern is empty", "write ** for every file")
    return path


class DataTrigger(Document):
    """Fires once for each new content of a file whose path fits a pattern."""

    type: Literal["data"] = Field(description="The kind of trigger.")
    path: Annotated[NonEmptyText, AfterValidator(_pattern)] = Field(
        description="Pattern with *, ** and ?, as a datastore URI or from the datastore's root."
    )

    @property
    def pattern(self) -> str:
        """The pattern from the root of container `data`."""
        return parse_datastore_path(self.path).path if is_datastore_uri(self.path) else self.path

    def matches(self, path: str) -> bool:
        """Whether a file with this path from the root of container `data` fires the trigger."""
        return matches(self.pattern, path)


def _read_trigger(value: Any) -> CronTrigger | DataTrigger:
    if isinstance(value, CronTrigger | DataTrigger):
        return value
    kind = value.get("type") if isinstance(value, Mapping) else None
    if kind == "cron":
        return CronTrigger.model_validate(value)
    if kind == "data":
        return DataTrigger.model_validate(value)
    if kind == "recurrence":
        raise refusal("recurrence is not supported yet", "use `type: cron` with an `expression:`")
    remedy = "write {type: data, path: …} or {type: cron, expression: …}"
    raise refusal(f"there is no trigger type '{kind}'" if kind else "has no `type`", remedy)


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
        "is_enabled": "leave it out; delete a schedule to stop it",
    }

    schema_: str | None = Field(
        default=None, alias="$schema", description="Ignored, as for editors only."
    )
    name: Identifier = Field(description="1 to 64 letters, digits, - and _.")
    display_name: Text | None = Field(default=None, description="For people.")
    description: Text | None = Field(default=None, description="For people.")
    tags: dict[str, ScalarText] = Field(default={}, description="For people.")
    trigger: Annotated[CronTrigger | DataTrigger, BeforeValidator(_read_trigger)] = Field(
        description="When the job is created."
    )
    create_job: Annotated[CommandJob, BeforeValidator(_inline_job)] = Field(
        description="The job; its own `name` is not used, as each run has one of its own."
    )
