"""ISO 8601 durations as the service writes them: `PT1H`, `P7D`, `P10675199DT2H48M5.4775807S`."""

from __future__ import annotations

import re
from typing import Final

#: What the service shows for "no limit" (the largest .NET TimeSpan).
UNLIMITED: Final = "P10675199DT2H48M5.4775807S"
WEEK: Final = "P7D"

_DURATION: Final = re.compile(
    r"P(?:(?P<weeks>\d+)W)?(?:(?P<days>\d+(?:\.\d+)?)D)?"
    r"(?:T(?:(?P<hours>\d+(?:\.\d+)?)H)?(?:(?P<minutes>\d+(?:\.\d+)?)M)?"
    r"(?:(?P<seconds>\d+(?:\.\d+)?)S)?)?"
)
_SECONDS: Final = {"weeks": 604800.0, "days": 86400.0, "hours": 3600.0, "minutes": 60.0}


def seconds(text: str) -> float | None:
    """The duration in seconds, None for the unlimited one. Raises ValueError when it is none."""
    match = _DURATION.fullmatch(text)
    if match is None or not any(match.groups()):
        raise ValueError(f"'{text}' is no ISO 8601 duration such as PT1H30M")
    if text == UNLIMITED:
        return None
    total = sum(float(n) * _SECONDS.get(unit, 1.0) for unit, n in match.groupdict().items() if n)
    return total if total < 1e11 else None


def text(seconds: float) -> str:
    """The duration as the service writes it, to the millisecond."""
    return f"PT{seconds:.3f}S"
