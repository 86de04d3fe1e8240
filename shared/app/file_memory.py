"""What a schedule last made of a file: so that no event that is told late or twice, and no upload
of the same bytes, starts a second run.

Replacing a schedule keeps its memory. It is swept away some months later; see `sweeping`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from shared.domain.errors import Conflict, NotFound
from shared.domain.keys import digest
from shared.domain.status import Status
from shared.ports.files import File
from shared.ports.registry import Registry
from shared.ports.runs import Runs

KIND: Final = "landed"
#: For so long a request without a run may still be on its way.
_ON_ITS_WAY: Final = timedelta(minutes=10)
_RACES: Final = 10


@dataclass(frozen=True, slots=True)
class FileMemory:
    registry: Registry
    runs: Runs

    def of(self, schedule: str, path: str) -> Mapping[str, Any]:
        """Empty when the schedule never saw the file."""
        return self.registry.get(KIND, digest(schedule, path)) or {}

    def known(self, schedule: str, file: File) -> str | None:
        """Why the file is nothing new; None when it is."""
        before = self.of(schedule, file.path)
        if before.get("etag") == file.etag:
            return f"seen for run {before['run']}"
        if self._same_content(before, file):
            return f"same content as for run {before['run']}"
        return None

    def keep(self, schedule: str, file: File, run: str, at: datetime) -> None:
        """Remember that the file went into a run that was asked for at this moment; "" is none.

        What a later run made of it stands, even when this is told last.
        """
        name = digest(schedule, file.path)
        told = {
            "run": run,
            "at": at.isoformat(),
            "etag": file.etag,
            "md5": file.md5,
            "path": file.path,
            "schedule": schedule,
        }
        for _ in range(_RACES):
            before = self.registry.load(KIND, name)
            if before is not None and _stands(before.document, told):
                return
            try:
                self.registry.save(KIND, name, told, before.etag if before else None)
            except Conflict:
                continue
            return
        raise Conflict(f"{KIND}/{name}")

    def _same_content(self, before: Mapping[str, Any], file: File) -> bool:
        """Uploading a file again is no new data, unless the run it started came to nothing."""
        if not file.md5 or before.get("md5") != file.md5 or not before.get("run"):
            return False
        try:
            status = self.runs.load(before["run"]).run.status
        except NotFound:
            return file.modified - datetime.fromisoformat(before["at"]) < _ON_ITS_WAY
        return status not in (Status.FAILED, Status.CANCELED)


def _stands(before: Mapping[str, Any], told: Mapping[str, Any]) -> bool:
    later = datetime.fromisoformat(before["at"]) > datetime.fromisoformat(told["at"])
    return before == told or later
