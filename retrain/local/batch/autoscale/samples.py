"""The history of a metric, and what a formula can ask of it.

One sample covers 30 seconds. Of an interval, as many samples are expected as fit in; those that are
there are counted against them.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from datetime import datetime
from typing import Final, Protocol

from retrain.local.batch.autoscale.values import SECOND, Interval, Timestamp, Value, Vec, kind_of

PERIOD: Final = Interval(30 * SECOND)

#: Of an interval at least these must be there, unless the formula says otherwise.
_WANTED_PERCENT: Final = 10.0


class Samples(Protocol):
    """What is known of a pool. Names are those of the service's variables."""

    def now(self, name: str) -> float | None:
        """The present value; None when there is no such variable."""
        ...

    def history(self, name: str) -> Sequence[tuple[datetime, float]]:
        """Its samples, the oldest first."""
        ...


class TooFew(Exception):
    """Fewer samples are there than was demanded, in per cent."""

    def __init__(self, wanted: float, received: float) -> None:
        self.wanted, self.received = wanted, received
        super().__init__(f"wanted {wanted:g}%, received {received:g}%")


class History:
    """The samples of one metric up to a moment."""

    def __init__(self, samples: Sequence[tuple[datetime, float]], now: datetime) -> None:
        self._samples = samples
        self._now = Timestamp.of(now)

    def ask(self, method: str, arguments: Sequence[Value]) -> Value:
        """Raises LookupError (no such method), TypeError, TooFew, ValueError."""
        if method == "GetSample":
            return self._get(arguments)
        if method == "GetSamplePercent":
            return self._percent(*self._span(arguments))
        if method not in ("Count", "GetSamplePeriod", "HistoryBeginTime"):
            raise LookupError(f"Samples have no method {method}")
        if arguments:
            raise TypeError(f"{method}() takes no arguments")
        if method == "Count":
            return float(len(self._samples))
        return PERIOD if method == "GetSamplePeriod" else self._begin()

    def _begin(self) -> Timestamp:
        return Timestamp.of(self._samples[0][0]) if self._samples else self._now

    def _get(self, arguments: Sequence[Value]) -> Vec:
        """By count (the newest), or of an interval with a percentage that must be there."""
        first = arguments[0] if arguments else None
        if isinstance(first, float):
            if len(arguments) > 1:
                raise TypeError("GetSample() takes one count, or one or two times and a percentage")
            if not (first.is_integer() and first >= 1):
                raise ValueError(f"GetSample() gives 1 sample or more, not {first:g}")
            return _values(self._samples[-int(first) :])
        last = arguments[-1] if arguments else None
        wanted = last if isinstance(last, float) else _WANTED_PERCENT
        times = arguments[:-1] if isinstance(last, float) else arguments
        start, end = self._span(times)
        received = self._percent(start, end)
        if received < wanted:
            raise TooFew(wanted, received)
        return _values(self._within(start, end))

    def _within(self, start: int, end: int) -> Sequence[tuple[datetime, float]]:
        """After the start, up to the end; few of a long history are looked at."""
        low = bisect_right(self._samples, start, key=_ticks)
        return self._samples[low : bisect_right(self._samples, end, key=_ticks)]

    def _span(self, arguments: Sequence[Value]) -> tuple[int, int]:
        """The earlier moment and the later one; an interval counts back from now."""
        if not 1 <= len(arguments) <= 2:
            raise TypeError("One or two times are expected")
        ends = [self._moment(argument) for argument in arguments]
        return min(*ends, self._now.ticks), max(ends) if len(ends) == 2 else self._now.ticks

    def _moment(self, value: Value) -> int:
        if isinstance(value, Timestamp):
            return value.ticks
        if isinstance(value, Interval):
            return self._now.ticks - value.ticks
        raise TypeError(f"A timestamp or a timeinterval is expected, not a {kind_of(value)}")

    def _percent(self, start: int, end: int) -> float:
        there = len(self._within(start, end))
        expected = max(1, (end - start) // PERIOD.ticks)
        return min(100.0, float(100 * there // expected))


def _ticks(sample: tuple[datetime, float]) -> int:
    return Timestamp.of(sample[0]).ticks


def _values(samples: Sequence[tuple[datetime, float]]) -> Vec:
    return tuple(float(value) for _, value in samples)
