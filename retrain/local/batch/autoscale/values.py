"""The values of the formula language, and how the service prints them.

Time counts in ticks of 100 nanoseconds, as the service's own does: exact, and whole numbers.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

SECOND: Final = 10_000_000  # ticks
_DAY: Final = 86_400 * SECOND
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_LARGEST: Final = 2**63 - 1


@dataclass(frozen=True, slots=True, order=True)
class Interval:
    """A length of time. Raises OverflowError beyond some 29,000 years."""

    ticks: int

    def __post_init__(self) -> None:
        if not -_LARGEST <= self.ticks <= _LARGEST:
            raise OverflowError("The time interval is too long")

    @property
    def seconds(self) -> float:
        """As a number of seconds."""
        return self.ticks / SECOND

    def times(self, factor: float) -> Interval:
        """So many of it. Raises OverflowError, ValueError (of no number)."""
        return Interval(round(self.ticks * factor))

    def __str__(self) -> str:
        """[-][d.]hh:mm:ss[.fffffff]"""
        days, rest = divmod(abs(self.ticks), _DAY)
        whole, fraction = divmod(rest, SECOND)
        minutes, seconds = divmod(whole, 60)
        hours, minutes = divmod(minutes, 60)
        text = f"{hours:02}:{minutes:02}:{seconds:02}"
        text = f"{days}.{text}" if days else text
        text = f"{text}.{fraction:07}" if fraction else text
        return f"-{text}" if self.ticks < 0 else text


@dataclass(frozen=True, slots=True, order=True)
class Timestamp:
    """A moment in UTC, in ticks since 1970."""

    ticks: int

    @classmethod
    def of(cls, moment: datetime) -> Timestamp:
        """From an aware moment."""
        return cls((moment - _EPOCH) // timedelta(microseconds=1) * 10)

    @property
    def moment(self) -> datetime:
        """Aware, in UTC. Raises OverflowError outside the years 1 to 9999."""
        return _EPOCH + timedelta(microseconds=self.ticks // 10)

    def plus(self, interval: Interval) -> Timestamp:
        """So much later. Raises OverflowError outside the years 1 to 9999."""
        later = Timestamp(self.ticks + interval.ticks)
        _ = later.moment
        return later

    def __str__(self) -> str:
        text = self.moment.isoformat(timespec="milliseconds")
        return text.replace("+00:00", "Z")


@dataclass(frozen=True, slots=True)
class Metric:
    """A service-defined variable with samples: `name` reads them, `now` is its present value."""

    name: str
    now: float


Vec = tuple[float, ...]
Value = float | Vec | str | Timestamp | Interval

INTERVALS: Final = {
    "TimeInterval_Zero": Interval(0),
    "TimeInterval_100ns": Interval(1),
    "TimeInterval_Microsecond": Interval(10),
    "TimeInterval_Millisecond": Interval(10_000),
    "TimeInterval_Second": Interval(SECOND),
    "TimeInterval_Minute": Interval(60 * SECOND),
    "TimeInterval_Hour": Interval(3600 * SECOND),
    "TimeInterval_Day": Interval(_DAY),
    "TimeInterval_Week": Interval(7 * _DAY),
    "TimeInterval_Year": Interval(365 * _DAY),
}


def shown(value: Value) -> str:
    """As the results of an evaluation print it."""
    if isinstance(value, float):
        return _number(value)
    if isinstance(value, tuple):
        return f"[{','.join(map(_number, value))}]"
    return str(value)


def kind_of(value: Value) -> str:
    """The type's name in the language."""
    if isinstance(value, float):
        return "double"
    if isinstance(value, tuple):
        return "doubleVec"
    if isinstance(value, str):
        return "string"
    return "timestamp" if isinstance(value, Timestamp) else "timeinterval"


def _number(value: float) -> str:
    if math.isnan(value):
        return "NaN"
    if math.isinf(value):
        return "Infinity" if value > 0 else "-Infinity"
    return str(int(value)) if value.is_integer() and abs(value) < 1e15 else repr(value)
