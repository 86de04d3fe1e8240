"""The text of a moment, for `time("…")`: W3C-DTF (ISO 8601 down to any precision) or RFC 1123."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Final

_W3C: Final = re.compile(
    r"(?P<year>\d{4})(?:-(?P<month>\d{2})(?:-(?P<day>\d{2})"
    r"(?:T(?P<hour>\d{2}):(?P<minute>\d{2})(?::(?P<second>\d{2})(?:\.(?P<fraction>\d{1,9}))?)?"
    r"(?P<zone>Z|[+-]\d{2}:\d{2})?)?)?)?",
    re.ASCII,
)


def moment(text: str) -> datetime:
    """The moment, aware; one without a zone is in UTC. Raises ValueError."""
    match = _W3C.fullmatch(text.strip())
    if match is None:
        return _rfc_1123(text)
    numbers = {name: int(match[name] or default) for name, default in _DEFAULTS}
    fraction = (match["fraction"] or "").ljust(6, "0")[:6]
    local = datetime(**numbers, microsecond=int(fraction), tzinfo=UTC)
    return local - _offset(match["zone"])


_DEFAULTS: Final = (
    *(("year", 1), ("month", 1), ("day", 1)),
    *(("hour", 0), ("minute", 0), ("second", 0)),
)


def _offset(zone: str | None) -> timedelta:
    if zone in (None, "Z"):
        return timedelta()
    sign = -1 if zone.startswith("-") else 1
    return sign * timedelta(hours=int(zone[1:3]), minutes=int(zone[4:6]))


def _rfc_1123(text: str) -> datetime:
    found = parsedate_to_datetime(text)
    return found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)
