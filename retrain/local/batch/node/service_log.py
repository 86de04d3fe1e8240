"""The node's log: one line per event, in `node.log` of the service's data folder."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Final

NAME: Final = "node.log"


class ServiceLog:
    """Appends lines to a file; what tasks print has files of its own."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.path = folder / NAME

    def say(self, line: str) -> None:
        """Append the line with the time, in UTC."""
        stamp = datetime.now(UTC).isoformat(timespec="milliseconds")
        with self.path.open("a", encoding="utf-8") as log:
            log.write(f"{stamp} {line}\n")
