"""A time in a rule: a number of seconds, or two between which the dice choose."""

from collections.abc import Sequence
from math import isfinite
from typing import Annotated, Any, Final, NamedTuple

from pydantic import PlainSerializer, PlainValidator

from shared.jobs.problems import refusal

_LONGEST: Final = 7 * 86_400


class Span(NamedTuple):
    """0 <= low <= high, in seconds."""

    low: float
    high: float

    def at(self, fraction: float) -> float:
        """fraction: 0 is the low end, 1 the high one."""
        return self.low + (self.high - self.low) * fraction


def _span(value: Any) -> Span:
    numbers = value if isinstance(value, Sequence) and not isinstance(value, str) else [value]
    ends = [float(each) for each in numbers if _is_number(each)]
    if len(ends) != len(numbers) or len(ends) not in (1, 2):
        raise refusal("must be seconds", "write a number, or two: [0.1, 0.5]")
    if not 0 <= ends[0] <= ends[-1] <= _LONGEST:
        raise refusal("must be from 0 to a week, the smaller end first", "write [0.1, 0.5]")
    return Span(ends[0], ends[-1])


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and isfinite(value)


def _plain(span: Span) -> float | list[float]:
    return span.low if span.low == span.high else list(span)


Seconds = Annotated[Span, PlainValidator(_span), PlainSerializer(_plain)]


def seconds(low: float, high: float | None = None) -> Span:
    """For rules made in Python."""
    return Span(low, low if high is None else high)
