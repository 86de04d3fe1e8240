"""Moments and spans of time in documents."""

import re
from datetime import datetime, timedelta
from typing import Annotated, Any, Final

from pydantic import AfterValidator, BeforeValidator, Field, PlainSerializer

from shared.jobs.problems import refusal
from shared.jobs.text import Text
from shared.jobs.timezones import zone

_SPAN = re.compile(r"(?:PT?)?(\d{1,7})([smhd])", re.IGNORECASE)
_SECONDS: Final = {"s": 1, "m": 60, "h": 3600, "d": 86_400}
#: Far enough from the ends of the calendar, where no zone can be reckoned with.
_FIRST_YEAR: Final = 1970
_LAST_YEAR: Final = 9990
#: What a trigger may wait for, in seconds.
LONGEST_SPAN: Final = 30 * 86_400


def _time(value: Any) -> datetime:
    try:
        time = value if isinstance(value, datetime) else datetime.fromisoformat(value)
    except (TypeError, ValueError):
        raise refusal(
            f"'{value}' is not a time", "write it like 2026-07-10T10:00:00 (in `time_zone`)"
        ) from None
    if not _FIRST_YEAR <= time.year <= _LAST_YEAR:
        raise refusal(f"the year {time.year} is out of range", f"use {_FIRST_YEAR} to {_LAST_YEAR}")
    return time


def _zone_name(name: str) -> str:
    zone(name)
    return name


def _span(value: Any) -> int:
    if isinstance(value, str):
        found = _SPAN.fullmatch(value.strip())
        if found:
            return int(found[1]) * _SECONDS[found[2].lower()]
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    raise refusal(f"'{value}' is no span of time", "write seconds, or a text like 30s, 5m, 2h, 1d")


def _in_bounds(seconds: int) -> int:
    if not 0 <= seconds <= LONGEST_SPAN:
        raise refusal("must be between 0 and 30 days", "use another span")
    return seconds


def span(seconds: int) -> timedelta:
    return timedelta(seconds=seconds)


#: A moment; without an offset it is one on the clock of `time_zone`.
Time = Annotated[
    datetime,
    BeforeValidator(_time, json_schema_input_type=str),
    PlainSerializer(datetime.isoformat),
]
ZoneName = Annotated[Text, AfterValidator(_zone_name)]
#: Seconds; also written 30s, 5m, 2h, 1d or PT5M.
Span = Annotated[
    int,
    BeforeValidator(_span, json_schema_input_type=int | str),
    AfterValidator(_in_bounds),
    Field(),
]
