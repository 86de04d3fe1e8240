"""NCRONTAB: when a timer is due. Six fields, `{second} {minute} {hour} {day} {month} {weekday}`,
or five, which means second 0.

Unlike Unix cron, a day must satisfy both the day of the month and the weekday. Weekdays are 0 to 6
from Sunday; months and weekdays may be named (Jan, Mon). All in UTC.
Source: github.com/atifaziz/NCrontab, which the Functions host uses.
"""

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

_FIELDS = (("second", 0, 59), ("minute", 0, 59), ("hour", 0, 23), ("day", 1, 31), ("month", 1, 12))
_WEEKDAY = ("weekday", 0, 6)
_MONTHS = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"]
_DAYS = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"]
_PART = re.compile(r"(\*|(\w+)(?:-(\w+))?)(?:/(\d+))?")
#: A leap day on a given weekday comes back within 40 years, even across 2100.
_YEARS = 41


class BadSchedule(ValueError):
    """The expression is no NCRONTAB, or names a day that never comes."""


@dataclass(frozen=True, slots=True)
class Schedule:
    """The values each field admits, sorted."""

    seconds: tuple[int, ...]
    minutes: tuple[int, ...]
    hours: tuple[int, ...]
    days: tuple[int, ...]
    months: tuple[int, ...]
    weekdays: tuple[int, ...]

    def after(self, moment: datetime) -> datetime:
        """The first due time later than `moment` (aware). Raises BadSchedule when there is none."""
        start = moment.astimezone(UTC).replace(microsecond=0) + timedelta(seconds=1)
        time = _first(self._times(start.hour, start.minute, start.second))
        day = start
        for _ in range(366 * _YEARS):
            if time is not None and self._admits(day):
                return day.replace(hour=time[0], minute=time[1], second=time[2])
            day += timedelta(days=1)
            time = (self.hours[0], self.minutes[0], self.seconds[0])
        raise BadSchedule("it names a day that never comes")

    def every(self) -> timedelta:
        """The shortest time between two due times, near enough to tell minutes from seconds."""
        if len(self.seconds) > 1:
            return timedelta(seconds=1)
        return timedelta(minutes=1)

    def _admits(self, day: datetime) -> bool:
        return (
            day.month in self.months
            and day.day in self.days
            and day.isoweekday() % 7 in self.weekdays
        )

    def _times(self, hour: int, minute: int, second: int) -> "list[tuple[int, int, int] | None]":
        """The first admitted time not before the given one: in its minute, its hour, or later."""
        same_minute = _not_before(self.seconds, second)
        later_minute = _not_before(self.minutes, minute + 1)
        later_hour = _not_before(self.hours, hour + 1)
        here = hour in self.hours
        return [
            (hour, minute, same_minute)
            if here and minute in self.minutes and same_minute is not None
            else None,
            (hour, later_minute, self.seconds[0]) if here and later_minute is not None else None,
            (later_hour, self.minutes[0], self.seconds[0]) if later_hour is not None else None,
        ]


def parse(expression: str) -> Schedule:
    """Read an expression. Raises BadSchedule, saying which field is wrong."""
    parts = expression.split()
    if len(parts) == 5:
        parts = ["0", *parts]
    if len(parts) != 6:
        raise BadSchedule(f"'{expression}' has {len(parts)} fields; NCRONTAB has 6 (or 5)")
    fields = (*_FIELDS, _WEEKDAY)
    values = [_field(part, *field) for part, field in zip(parts, fields, strict=True)]
    schedule = Schedule(*values)
    try:
        schedule.after(datetime(2000, 1, 1, tzinfo=UTC))
    except BadSchedule as error:
        raise BadSchedule(f"'{expression}': {error}") from None
    return schedule


def _field(text: str, name: str, low: int, high: int) -> tuple[int, ...]:
    values: set[int] = set()
    for part in text.split(","):
        match = _PART.fullmatch(part)
        if match is None:
            raise BadSchedule(f"'{part}' is no {name}")
        values.update(_range(match, name, low, high))
    return tuple(sorted(values))


def _range(match: re.Match[str], name: str, low: int, high: int) -> range:
    whole, first, last, step = match.groups()
    if whole == "*":
        begin, end = low, high
    else:
        begin = _value(first, name, low, high)
        # `5/10` starts at 5 and goes on to the field's end.
        end = _value(last, name, low, high) if last else (high if step else begin)
    if end < begin or step == "0":
        raise BadSchedule(f"'{match[0]}' is no {name}")
    return range(begin, end + 1, int(step or 1))


def _value(text: str, name: str, low: int, high: int) -> int:
    names = {"month": _MONTHS, "weekday": _DAYS}.get(name, [])
    short = text[:3].lower()
    if short in names and text.isalpha():
        return names.index(short) + low
    if not text.isdecimal() or not low <= int(text) <= high:
        raise BadSchedule(f"'{text}' is no {name}: it must be {low} to {high}")
    return int(text)


def _first(options: "list[tuple[int, int, int] | None]") -> tuple[int, int, int] | None:
    return next((option for option in options if option is not None), None)


def _not_before(values: tuple[int, ...], least: int) -> int | None:
    return next((value for value in values if value >= least), None)
