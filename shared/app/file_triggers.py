"""From a file that landed to the training requests that schedules ask for."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from shared.app.admission import Admission
from shared.app.schedules import Schedules
from shared.domain.errors import NotFound
from shared.domain.keys import digest
from shared.domain.requests import TrainingRequest, request_id
from shared.domain.run import Source
from shared.domain.status import Status
from shared.jobs import DataTrigger, InvalidDocument, Schedule, job_for_file
from shared.ports.files import DATA, File, Files
from shared.ports.registry import Registry
from shared.ports.runs import Runs

log = logging.getLogger("retrain.triggers")

#: The registry's kind for what a schedule last made of a file.
_MEMORY: Final = "landed"
#: For so long a request without a run may still be on its way.
_ON_ITS_WAY: Final = timedelta(minutes=10)


@dataclass(frozen=True, slots=True)
class FileTriggers:
    schedules: Schedules
    registry: Registry
    runs: Runs
    files: Files
    admission: Admission

    def landed(self, path: str) -> Sequence[str]:
        """Ask for a run for each schedule whose pattern fits; returns the runs' names.

        The request's id comes from the file's version, so an event that is told twice is one run.
        A file of no bytes asks for nothing, nor does content that was trained on already.
        """
        schedules = [
            schedule
            for schedule in self.schedules.all()
            if isinstance(schedule.trigger, DataTrigger) and schedule.trigger.matches(path)
        ]
        if not schedules:
            return []
        file = self.files.stat(DATA, path)
        if file is None:
            log.info("file %s: gone again, nothing to do", path)
            return []
        if file.size == 0:
            log.warning("file %s: empty (0 bytes), no run is started; upload it with rows", path)
            return []
        started = [self._request(schedule, file) for schedule in schedules]
        return [name for name in started if name]

    def _request(self, schedule: Schedule, file: File) -> str | None:
        memory = digest(schedule.name, file.path)
        before = self.registry.get(_MEMORY, memory) or {}
        try:
            job = job_for_file(schedule, file.path)
        except InvalidDocument as error:
            log.warning("file %s: its name can't be a job's input: %s", file.path, error)
            return None
        request = TrainingRequest(
            id=request_id("data", schedule.name, file.path, file.etag),
            at=file.modified.astimezone(UTC),
            job=job,
            source=Source(kind="data", schedule=schedule.name, path=file.path),
        )
        if self._same_content(before, file, request.run):
            log.info("file %s: same content as for run %s, not again", file.path, before["run"])
            return None
        self.admission.submit(request)
        log.info("file %s: schedule %s asks for run %s", file.path, schedule.name, request.run)
        told = {
            "run": request.run,
            "at": request.at.isoformat(),
            "md5": file.md5,
            "path": file.path,
            "schedule": schedule.name,
        }
        self.registry.put(_MEMORY, memory, told)
        return request.run

    def _same_content(self, before: dict[str, str], file: File, run: str) -> bool:
        """Uploading a file again is no new data, unless the run it started came to nothing."""
        if not file.md5 or before.get("md5") != file.md5 or before.get("run") == run:
            return False
        try:
            status = self.runs.load(before["run"]).run.status
        except NotFound:
            return file.modified - datetime.fromisoformat(before["at"]) < _ON_ITS_WAY
        return status not in (Status.FAILED, Status.CANCELED)
