"""Triggers that fire by the clock: at the times of a cron expression, or in recurrence."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Annotated, Any, ClassVar, Literal, Self
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, BeforeValidator, Field, ValidationError, model_validator
from pydantic_core import InitErrorDetails, PydanticCustomError

from shared.jobs.cron import check_cron
from shared.jobs.document import Document
from shared.jobs.moments import Time, ZoneName
from shared.jobs.problems import refusal
from shared.jobs.text import Text
from shared.jobs.timezones import zone

#: What is done when a run of the schedule is still under way.
Concurrency = Literal["queue", "skip", "replace", "parallel"]
CatchUp = Literal["none", "last", "all"]
WEEK_DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_ONE_OF_MANY = "a cron trigger says more: `type: cron`, `expression: …`"


class ClockTrigger(Document):
    """What triggers by the clock have in common."""

    start_time: Time | None = Field(default=None, description="Not before this moment.")
    end_time: Time | None = Field(default=None, description="Not after this moment.")
    time_zone: ZoneName = Field(
        default="UTC", description="IANA or Windows name of the clock that the times are read on."
    )
    catch_up: CatchUp = Field(
        default="last", description="Which times are made up for that passed while nothing ran."
    )
    concurrency: Concurrency = Field(
        default="parallel", description="What is done when the run before is still under way."
    )

    @property
    def zone(self) -> ZoneInfo:
        """The clock the times are read on."""
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
    def _in_order(self) -> Self:
        if self.starts_at and self.ends_at and self.ends_at <= self.starts_at:
            fault = refusal("end_time is not after start_time", "use a later end_time")
            raise fault_at("end_time", fault)
        return self


class CronTrigger(ClockTrigger):
    """Fires at the times of a cron expression, between `start_time` and `end_time`."""

    type: Literal["cron"] = Field(description="The kind of trigger.")
    expression: Annotated[Text, AfterValidator(check_cron)] = Field(
        description="Minute, hour, day of the month, month, day of the week."
    )


def _many(value: Any) -> Any:
    if isinstance(value, list | tuple):
        return tuple(value)
    return (value,)


def _low_case(names: Any) -> Any:
    return tuple(name.lower() if isinstance(name, str) else name for name in _many(names))


def _some(numbers: tuple[Any, ...]) -> tuple[Any, ...]:
    if not numbers:
        raise refusal("is empty", "name at least one, or leave the field out")
    return tuple(sorted(set(numbers), key=lambda n: WEEK_DAYS.index(n) if n in WEEK_DAYS else n))


_Hour = Annotated[int, Field(ge=0, le=23)]
_Minute = Annotated[int, Field(ge=0, le=59)]
_MonthDay = Annotated[int, Field(ge=1, le=31)]
_WeekDay = Literal["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"]
_Hours = Annotated[
    tuple[_Hour, ...],
    BeforeValidator(_many, json_schema_input_type=_Hour | list[_Hour]),
    AfterValidator(_some),
]
_Minutes = Annotated[
    tuple[_Minute, ...],
    BeforeValidator(_many, json_schema_input_type=_Minute | list[_Minute]),
    AfterValidator(_some),
]
_MonthDays = Annotated[
    tuple[_MonthDay, ...],
    BeforeValidator(_many, json_schema_input_type=_MonthDay | list[_MonthDay]),
    AfterValidator(_some),
]
_WeekDays = Annotated[
    tuple[_WeekDay, ...],
    BeforeValidator(_low_case, json_schema_input_type=_WeekDay | list[_WeekDay]),
    AfterValidator(_some),
]


class RecurrencePattern(Document):
    """At which times of the days, weeks or months that are counted; each a value or a list."""

    hours: _Hours | None = Field(default=None, description="0 to 23; else the hour of the start.")
    minutes: _Minutes | None = Field(
        default=None, description="0 to 59; else 0 with `hours`, and the minute of the start."
    )
    week_days: _WeekDays | None = Field(
        default=None, description="With frequency week: monday to sunday."
    )
    month_days: _MonthDays | None = Field(
        default=None, description="With frequency month: 1 to 31; a shorter month has no such day."
    )


class RecurrenceTrigger(ClockTrigger):
    """Fires every so many minutes, hours, days, weeks or months, from `start_time` on."""

    type: Literal["recurrence"] = Field(description="The kind of trigger.")
    frequency: Literal["minute", "hour", "day", "week", "month"] = Field(
        description="The unit that is counted."
    )
    interval: Annotated[int, Field(ge=1, le=10_000)] = Field(
        description="How many units lie between two times."
    )
    schedule: RecurrencePattern | None = Field(
        default=None, description="At which times of a day, week or month; else those of the start."
    )

    not_for: ClassVar[Mapping[str, tuple[str, ...]]] = {
        "minute": ("hours", "minutes", "week_days", "month_days"),
        "hour": ("hours", "minutes", "week_days", "month_days"),
        "day": ("week_days", "month_days"),
        "week": ("month_days",),
        "month": ("week_days",),
    }

    @model_validator(mode="after")
    def _fits_its_frequency(self) -> Self:
        for name in self.not_for[self.frequency] if self.schedule else ():
            if getattr(self.schedule, name) is not None:
                message = f"means nothing with `frequency: {self.frequency}`"
                raise fault_at("schedule", refusal(f"{name} {message}", _ONE_OF_MANY))
        return self


def fault_at(field: str, fault: PydanticCustomError) -> ValidationError:
    """A fault of the whole document that one field can mend."""
    details = InitErrorDetails(type=fault, loc=(field,), input=...)
    return ValidationError.from_exception_data("trigger", [details])


def to_the_minute(moment: datetime) -> datetime:
    return moment - timedelta(seconds=moment.second, microseconds=moment.microsecond)
