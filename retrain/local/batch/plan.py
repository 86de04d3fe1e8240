"""When a job schedule's jobs are due: times in, decisions out; no clock of its own.

due ──────── window ────────┐        due + interval ──────── …
 a job is made here, as soon ┘ as none of the schedule runs; later the chance is lost
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Literal

from retrain.local.batch import durations

#: make: a job is due and may be made.  wait: not yet, or not while another runs.  over: never more.
Step = Literal["make", "wait", "over"]


@dataclass(frozen=True, slots=True)
class Turn:
    """What to do now, and the present occurrence: `due`, None when none will come."""

    step: Step
    due: datetime | None
    look_again: datetime | None = None


@dataclass(frozen=True, slots=True)
class Plan:
    """A schedule's times; None means unlimited, or no recurrence."""

    not_before: datetime | None = None
    not_after: datetime | None = None
    window: timedelta | None = None
    interval: timedelta | None = None

    @classmethod
    def of(cls, schedule: dict[str, Any]) -> Plan:
        """The plan of a request's `schedule`, which has been checked."""
        return cls(
            _moment(schedule.get("doNotRunUntil")),
            _moment(schedule.get("doNotRunAfter")),
            _span(schedule.get("startWindow")),
            _span(schedule.get("recurrenceInterval")),
        )

    def first(self, created: datetime) -> datetime:
        """The first occurrence of a schedule created then."""
        return max(created, self.not_before or created)

    def after(self, due: datetime) -> datetime | None:
        """The occurrence after that one."""
        return None if self.interval is None else _plus(due, self.interval)

    def turn(self, due: datetime | None, now: datetime, *, busy: bool) -> Turn:
        """What to do at `now` about the occurrence `due`, while a job runs or not."""
        due = self._current(due, now)
        if due is None or self._barred(due) or self._barred(now):
            return Turn("wait", None) if busy else Turn("over", None)
        if now < due:
            return Turn("wait", due, due)
        if busy:
            return Turn("wait", due, self._closes(due))
        return Turn("make", due)

    def _barred(self, moment: datetime) -> bool:
        return self.not_after is not None and moment > self.not_after

    def _closes(self, due: datetime) -> datetime | None:
        spans = [span for span in (self.window, self.interval) if span is not None]
        return _plus(due, min(spans)) if spans else None

    def _current(self, due: datetime | None, now: datetime) -> datetime | None:
        """The occurrence itself, or the first after it whose window isn't over."""
        closes = None if due is None else self._closes(due)
        if due is None or closes is None or now < closes:
            return due
        if self.interval is None:
            return None
        missed = math.floor((now - closes) / self.interval) + 1
        return _plus(due, missed * self.interval)


def _plus(moment: datetime, span: timedelta) -> datetime | None:
    """None when that is past the end of all calendars."""
    try:
        return moment + span
    except OverflowError:
        return None


def _moment(text: str | None) -> datetime | None:
    if text is None:
        return None
    moment = datetime.fromisoformat(text)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _span(text: str | None) -> timedelta | None:
    seconds = None if text is None else durations.seconds(text)
    return None if seconds is None else timedelta(seconds=seconds)
