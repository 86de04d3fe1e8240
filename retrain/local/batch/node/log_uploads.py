"""The node's own log, on its way to a container that somebody names."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from retrain.local.batch.node.listing import blob_url
from retrain.local.batch.node.service_log import NAME
from retrain.local.batch.node.transfer import Transfer


@dataclass(frozen=True, slots=True)
class Window:
    """The time whose lines are wanted; `until` None means now."""

    since: datetime
    until: datetime | None

    def holds(self, line: bytes) -> bool:
        """True for a line that was said in that time; a line's time is its first word."""
        try:
            said = datetime.fromisoformat(line.split(b" ", 1)[0].decode())
        except ValueError:
            return False
        return self.since <= said and (self.until is None or said <= self.until)


class LogUploads:
    """Uploads the log below `folder`, the service's data folder."""

    def __init__(self, folder: Path) -> None:
        self._log = folder / NAME
        self._transfer = Transfer()

    async def upload(self, container_url: str, node_id: str, window: Window) -> tuple[str, int]:
        """The folder in the container, and how many files went there.

        Raises transfer.Refused when the container does not take them.
        """
        folder = f"{node_id}/{uuid.uuid4()}"
        if not self._log.exists():
            return folder, 0
        lines = [line for line in self._log.read_bytes().splitlines(True) if window.holds(line)]
        content = b"".join(lines)
        headers = {"x-ms-blob-type": "BlockBlob", "content-length": str(len(content))}
        await self._transfer.put(
            blob_url(container_url, f"{folder}/{NAME}"), headers, lambda: content
        )
        return folder, 1

    async def close(self) -> None:
        """Close the connections to storage."""
        await self._transfer.close()
