"""The five fields of a cron expression, checked before anybody waits for them.

Accepted is what every cron knows: `*`, numbers, names of months and days, ranges `a-b`, steps `*/n`
and `a-b/n`, and lists of these. As in Debian's cron a day has to fit both of its fields when one
of them begins with a star, else one of the two.
"""

import re
from dataclasses import dataclass
from datetime import date
from typing import Final

from shared.jobs.days import calendar_days
from shared.jobs.problems import refusal
from shared.jobs.wall_clock import Pattern

_MONTHS = ["JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"]
_DAYS = ["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"]
#: To search from: what never comes from here on never comes.
_SOME_DAY: Final = date(2000, 1, 1)
_PART = re.compile(r"(?:(?P<all>\*)|(?P<first>\w+)(?:-(?P<last>\w+))?)(?:/(?P<step>\w+))?")


@dataclass(frozen=True, slots=True)
class CronField:
    """A field's name and the numbers it takes; `names[0]` stands for `low + offset`."""

    name: str
    low: int
    high: int
    names: tuple[str, ...] = ()


_FIELDS: Final = (
    CronField("minute", 0, 59),
    CronField("hour", 0, 23),
    CronField("day of the month", 1, 31),
    CronField("month", 1, 12, tuple(_MONTHS)),
    CronField("day of the week", 0, 7, tuple(_DAYS)),  # 0 and 7 are both Sunday
)


def check_cron(expression: str) -> str:
    """The expression with single spaces between its fields. Raises a refusal that names the field
    when it has not five fields, has a number out of range, or names a day that never comes."""
    texts = expression.split()
    if len(texts) != 5:
        raise refusal(
            f"a cron expression has 5 fields, not {len(texts)}",
            "write minute, hour, day of the month, month, day of the week, like `0 3 * * MON`",
        )
    expression = " ".join(texts)
    if cron_pattern(expression).day(_SOME_DAY) is None:
        raise refusal(f"'{expression}' never comes: there is no such day", "use another day")
    return expression


def cron_pattern(expression: str) -> Pattern:
    """The times that the five fields mean."""
    texts = expression.split()
    minutes, hours, days, months, week = (
        _numbers(field, text) for field, text in zip(_FIELDS, texts, strict=True)
    )
    both = "*" in (texts[2][0], texts[4][0])
    named = calendar_days(months, days, {day % 7 for day in week}, both=both)
    return Pattern(tuple(sorted(hours)), tuple(sorted(minutes)), named)


def _numbers(field: CronField, text: str) -> set[int]:
    numbers: set[int] = set()
    for part in text.split(","):
        numbers |= _part_numbers(field, part)
    return numbers


def _part_numbers(field: CronField, text: str) -> set[int]:
    part = _PART.fullmatch(text)
    if part is None:
        raise _unreadable(field, text)
    first = field.low if part["all"] else _number(field, part["first"])
    last = field.high if part["all"] else _number(field, part["last"] or part["first"])
    if first > last:
        remedy = f"write {first}-{field.high},{field.low}-{last}"
        raise refusal(f"{field.name} '{text}' runs backwards", remedy)
    return set(range(first, last + 1, _step(field, part)))


def _step(field: CronField, part: re.Match[str]) -> int:
    if part["step"] is None:
        return 1
    if not part["all"] and part["last"] is None:
        raise refusal(
            f"{field.name} '{part[0]}' has a step but no range",
            f"write {part['first']}-{field.high}/{part['step']}",
        )
    if not part["step"].isascii() or not part["step"].isdigit() or int(part["step"]) < 1:
        raise _unreadable(field, part[0])
    step = int(part["step"])
    if step > field.high:
        raise refusal(f"{field.name} '{part[0]}' has a step above {field.high}", "use a lower step")
    return step


def _number(field: CronField, text: str) -> int:
    if text.upper() in field.names:
        return field.names.index(text.upper()) + field.low
    if not text.isascii() or not text.isdigit():
        raise _unreadable(field, text)
    number = int(text) if len(text) <= 2 else field.high + 1
    if not field.low <= number <= field.high:
        raise refusal(f"{field.name} '{text}' is out of range", f"use {field.low} to {field.high}")
    return number


def _unreadable(field: CronField, text: str) -> Exception:
    names = f" or {field.names[0]} to {field.names[-1]}" if field.names else ""
    return refusal(
        f"{field.name} '{text}' can't be read",
        f"use {field.low} to {field.high}{names}, *, a-b, a-b/n, */n or a list of these",
    )
