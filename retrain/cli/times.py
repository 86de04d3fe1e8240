"""Moments and spans as people read them. The API's times are ISO 8601 in UTC; here local time."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import NamedTuple

from retrain.client.records import FINAL, Moment


class Stay(NamedTuple):
    """How long a run had a status. seconds: None for a final status, which has no end."""

    status: str
    at: str
    note: str
    seconds: float | None


def stays(timeline: list[Moment], now: datetime) -> Iterator[Stay]:
    """Yield each entry with the seconds until the next one; for the last one, until now."""
    ends = [_moment(entry["at"]) for entry in timeline[1:]] + [now]
    for entry, end in zip(timeline, ends, strict=True):
        seconds = (end - _moment(entry["at"])).total_seconds()
        over = entry["status"] in FINAL
        yield Stay(entry["status"], entry["at"], entry["note"], None if over else max(seconds, 0.0))


def clock(at: str | None, form: str = "%Y-%m-%d %H:%M:%S") -> str:
    """Write a moment in local time; "" for none."""
    return _moment(at).astimezone().strftime(form) if at else ""


def span(start: str | None, end: str | None, now: datetime | None = None) -> str:
    """Write the time from start to end (None: now) as 0.4 s, 12 s, 3 min 5 s; "" without start."""
    if not start:
        return ""
    until = _moment(end) if end else (now or datetime.now(UTC))
    return seconds((until - _moment(start)).total_seconds())


def seconds(count: float) -> str:
    if count < 10:
        return f"{max(count, 0.0):.1f} s"
    minutes, rest = divmod(round(count), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours} h {minutes} min"
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"


def _moment(at: str) -> datetime:
    return datetime.fromisoformat(at)
