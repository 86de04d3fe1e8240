"""Schedules as Python calls; `Client` has all of these."""

import hashlib
import json
from datetime import UTC, datetime
from typing import cast
from urllib.parse import quote

from retrain.client.connection import Connection
from retrain.client.records import Document, Run


class ScheduleCalls:
    """What `Client` can be asked about standing orders."""

    _connection: Connection

    def create_schedule(self, document: Document) -> Document:
        """Create the schedule, or replace the one with its name."""
        return cast(Document, self._connection.json("POST", "/api/schedules", body=document))

    def list_schedules(self) -> list[Document]:
        return cast(list[Document], self._connection.json("GET", "/api/schedules")["schedules"])

    def get_schedule(self, name: str) -> Document:
        return cast(Document, self._connection.json("GET", _schedule(name)))

    def preview_schedule(self, name: str, count: int = 10) -> list[dict[str, str]]:
        """When it is due next: `at` in UTC, `local` on its own clock. None of one for data."""
        path = f"{_schedule(name)}/preview"
        answer = self._connection.json("GET", path, params={"count": count})
        return cast(list[dict[str, str]], answer["ticks"])

    def enable_schedule(self, name: str) -> Document:
        """Let it fire from now on."""
        return cast(Document, self._connection.json("POST", f"{_schedule(name)}/enable"))

    def disable_schedule(self, name: str) -> Document:
        """Keep it, and let it start nothing."""
        return cast(Document, self._connection.json("POST", f"{_schedule(name)}/disable"))

    def trigger_schedule(
        self, name: str, path: str | None = None, asked_at: datetime | None = None
    ) -> Run:
        """Start its run now. path: of the file that a data schedule's run is for; else those that
        wait are. The same asking with the same moment is the same run."""
        asked = asked_at or datetime.now(UTC)
        once = json.dumps([name, path, asked.isoformat()]).encode()
        headers = {"Idempotency-Key": hashlib.sha256(once).hexdigest()}
        where = f"{_schedule(name)}/trigger"
        answer = self._connection.json("POST", where, body={"path": path}, headers=headers)
        return cast(Run, answer)

    def delete_schedule(self, name: str) -> None:
        """Delete it; raises ApiError (404) when there is none of that name."""
        self._connection.api("DELETE", _schedule(name))


def _schedule(name: str) -> str:
    return f"/api/schedules/{quote(name, safe='')}"
