"""When the schedule in a file would be due, if it were created now."""

from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from retrain.jobfile import read_schedule
from shared.jobs import AnyClock, next_ticks, parse_schedule


def preview_of(
    file: Path, settings: Mapping[str, str], count: int
) -> tuple[dict[str, Any], list[dict[str, str]]]:
    """The document, and its first times: `at` in UTC, `local` on its own clock; none for data.

    Raises JobFileError.
    """
    document = read_schedule(file, settings).document
    trigger, now = parse_schedule(document).trigger, datetime.now(UTC)
    if not isinstance(trigger, AnyClock):
        return document, []
    found = next_ticks(trigger, now, now.replace(second=0, microsecond=0), count)
    return document, [
        {
            "at": tick.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            "local": tick.astimezone(trigger.zone).isoformat(),
        }
        for tick in found
    ]
