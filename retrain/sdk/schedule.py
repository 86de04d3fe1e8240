"""Schedules: a trigger and the job that it creates; and `client.schedules`."""

from collections.abc import Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass, field, fields
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from retrain.sdk.command import Command
from retrain.sdk.run import Run
from retrain.sdk.strict import Strict
from retrain.sdk.values import PathLike, plain

if TYPE_CHECKING:
    from retrain.client import Client
    from retrain.jobfile.source import Source


class _Trigger(Strict):
    """A trigger as a schedule's file has it."""

    __slots__ = ()
    type = ""

    def to_dict(self) -> dict[str, Any]:
        given = {one.name: getattr(self, one.name) for one in fields(self)}  # type: ignore[arg-type]
        written = {
            name: value.isoformat() if isinstance(value, datetime) else plain(value)
            for name, value in given.items()
            if value is not None
        }
        return {"type": self.type, **written}


@dataclass(slots=True, kw_only=True)
class CronTrigger(_Trigger):
    """expression: five fields, minute first.  time_zone: IANA's or Windows' name; None is UTC.

    catch_up: none, last or all of the ticks that were missed.  concurrency: queue, skip, replace or
    parallel, when a run of the schedule is not over yet.
    """

    expression: str
    start_time: datetime | str | None = None
    end_time: datetime | str | None = None
    time_zone: str | None = None
    catch_up: str | None = None
    concurrency: str | None = None

    type = "cron"


@dataclass(slots=True, kw_only=True)
class RecurrenceTrigger(_Trigger):
    """frequency: minute, hour, day, week or month.  interval: of that, at least 1.

    schedule: {"hours": [3], "minutes": [0], "week_days": ["monday"]} or "month_days"; the rest is
    as in CronTrigger.
    """

    frequency: str
    interval: int
    schedule: Mapping[str, Any] | None = None
    start_time: datetime | str | None = None
    end_time: datetime | str | None = None
    time_zone: str | None = None
    catch_up: str | None = None
    concurrency: str | None = None

    type = "recurrence"


@dataclass(slots=True, kw_only=True)
class DataTrigger(_Trigger):
    """path: pattern of the files that start a run, such as wine/*.csv, or several.

    quiet_period: how long nothing may land before the run starts, so that files that come together
    are one run; max_wait: at most so long; both in seconds or as text.  min_files: fewer wait.
    ignore: patterns of names that don't count.  when: the name of the file that completes the rest.
    """

    path: str | Sequence[str]
    ignore: Sequence[str] | None = None
    quiet_period: int | str | None = None
    max_wait: int | str | None = None
    min_files: int | None = None
    when: str | None = None
    concurrency: str | None = None

    type = "data"


Trigger = CronTrigger | RecurrenceTrigger | DataTrigger | Mapping[str, Any]


@dataclass(kw_only=True, eq=False)
class Schedule(Strict):
    """A standing order. created_at: of one that the service has.

    create_job: a Command, a document, or the path of a job file.
    base_path: what the job's relative paths are relative to, when the job itself doesn't say.
    """

    name: str
    trigger: Trigger
    create_job: Command | Mapping[str, Any] | PathLike
    display_name: str | None = None
    description: str | None = None
    tags: dict[str, str] = field(default_factory=dict)
    is_enabled: bool | None = None
    created_at: datetime | None = None
    base_path: Path | None = None
    _more: dict[str, Any] = field(default_factory=dict, repr=False)
    _source: "Source | None" = field(default=None, repr=False)

    def to_dict(self) -> dict[str, Any]:
        """Return the schedule as its file has it."""
        known = [one.name for one in fields(self) if one.name not in _OWN]
        given = {name: plain(getattr(self, name)) for name in known}
        return {**self._more, **{k: v for k, v in given.items() if v not in (None, {}, "")}}

    @classmethod
    def from_dict(cls, document: Mapping[str, Any], base_path: Path | None = None) -> "Schedule":
        """Return the schedule that a document of a schedule file's form describes."""
        known = {one.name for one in fields(cls)} - _OWN
        given = {name: deepcopy(value) for name, value in document.items() if name in known}
        for name in ("name", "trigger", "create_job"):
            given.setdefault(name, "")  # left out is told when it is checked
        schedule = cls(base_path=base_path, **given)
        schedule._more = {
            name: value
            for name, value in document.items()
            if name not in known and name != "created_at"
        }
        if isinstance(created := document.get("created_at"), str):
            schedule.created_at = datetime.fromisoformat(created)
        return schedule

    def _repr_html_(self) -> str:
        from retrain.sdk.html import table

        return table(self.name, {"trigger": plain(self.trigger), "enabled": self.is_enabled})


_OWN = {"base_path", "created_at", "_more", "_source"}


class Schedules:
    """`client.schedules`: create, look at and delete standing orders."""

    def __init__(self, client: "Client") -> None:
        self._client = client

    def create_or_update(self, schedule: Schedule | PathLike) -> Schedule:
        """Upload what its job needs, and create it or replace the one of its name.

        schedule: a Schedule, or the path of a schedule's file.
        Raises InvalidJob, SnapshotRefused, ClientError.
        """
        from retrain.sdk.checking import checked_schedule
        from retrain.submit import put_schedule

        if not isinstance(schedule, Schedule):
            from retrain.sdk.load import load_schedule

            schedule = load_schedule(schedule)
        return Schedule.from_dict(put_schedule(self._client, checked_schedule(schedule)))

    def get(self, name: str) -> Schedule:
        """Raises ApiError (404) when there is none of that name."""
        return Schedule.from_dict(self._client.get_schedule(name))

    def enable(self, name: str) -> Schedule:
        """Let it fire from now on."""
        return Schedule.from_dict(self._client.enable_schedule(name))

    def disable(self, name: str) -> Schedule:
        """Keep it, and let it start nothing."""
        return Schedule.from_dict(self._client.disable_schedule(name))

    def trigger(self, name: str, path: str | None = None) -> Run:
        """Start its run now. path: of the file that a data schedule's run is for."""
        return Run(self._client, self._client.trigger_schedule(name, path))

    def preview(self, name: str, count: int = 10) -> list[datetime]:
        """Return when it is due next, in UTC; nothing for one that waits for data."""
        ticks = self._client.preview_schedule(name, count)
        return [datetime.fromisoformat(tick["at"]) for tick in ticks]

    def delete(self, name: str) -> None:
        """Delete it; the runs that it started go on. Raises ApiError (404) when there is none."""
        self._client.delete_schedule(name)

    def list(self) -> list[Schedule]:
        return [Schedule.from_dict(one) for one in self._client.list_schedules()]
