"""From a file that landed to the training requests that schedules ask for."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC

from shared.app.file_memory import FileMemory
from shared.app.manifests import Manifests
from shared.app.schedules import Kept, Schedules
from shared.app.starting import Outcome, Starting
from shared.app.windows import Windows
from shared.domain.requests import TrainingRequest, request_id, told_to_the_job
from shared.domain.run import Source
from shared.jobs import DataTrigger, InvalidDocument, Landed, asks_for_files, job_for_files
from shared.jobs.datastore import checked_path
from shared.ports.files import DATA, File, Files

log = logging.getLogger("retrain.triggers")


@dataclass(frozen=True, slots=True)
class FileTriggers:
    schedules: Schedules
    files: Files
    memory: FileMemory
    manifests: Manifests
    windows: Windows
    starting: Starting

    def landed(self, path: str) -> Sequence[str]:
        """Ask for a run for each schedule whose pattern fits, or let the file wait for others.

        Returns the names of runs that were asked for now. An event that is told twice is one run.
        A file of no bytes asks for nothing, nor does content that was trained on already.
        """
        concerned = [
            (kept, trigger)
            for name in self._concerned(path)
            if (kept := self.schedules.find(name)) and (trigger := _awake(kept))
        ]
        if not any(t.matches(path) or t.completes(path) for _, t in concerned):
            return []
        file = self.files.stat(DATA, path)
        if file is None:
            log.info("file %s: gone again, nothing to do", path, extra={"file": path})
            return []
        started = [self._met(kept, trigger, file) for kept, trigger in concerned]
        return [run for run in started if run]

    def _concerned(self, path: str) -> Sequence[str]:
        names = self.schedules.watched.concerned(path)
        return [kept.name for kept in self.schedules.kept()] if names is None else names

    def _met(self, kept: Kept, trigger: DataTrigger, file: File) -> str | None:
        if trigger.completes(file.path):
            self.windows.complete(kept, file)
            return None
        if not trigger.matches(file.path):
            return None
        if why := self._nothing_new(kept, file):
            log.warning(
                "file %s: %s, no run is started", file.path, why,
                extra={"file": file.path, "schedule": kept.name},
            )  # fmt: skip
            return None
        if trigger.gathers or trigger.concurrency == "queue":
            self.windows.add(kept, file)
            return None
        return self._alone(kept, file)

    def _nothing_new(self, kept: Kept, file: File) -> str | None:
        if file.size == 0:
            return "empty (0 bytes); upload it with rows"
        try:
            checked_path(file.path)
        except ValueError as error:
            return f"its name can't be a job's input: {error}"
        return self.memory.known(kept.name, file)

    def _alone(self, kept: Kept, file: File) -> str | None:
        """Ask for the run of this one file; the same version twice is one run."""
        asked = asks_for_files(kept.schedule.create_job)
        several = "trigger.paths" in asked
        landed = self.manifests.write(kept.name, [file]).landed if several else Landed((file.path,))
        identity = request_id("data", kept.name, file.path, file.etag)
        at = file.modified.astimezone(UTC)
        try:
            job = job_for_files(kept.schedule, landed, told_to_the_job(identity, at))
        except InvalidDocument as error:
            log.warning(
                "file %s: its name can't be a job's input: %s", file.path, error,
                extra={"file": file.path, "schedule": kept.name},
            )  # fmt: skip
            return None
        request = TrainingRequest(
            id=identity,
            at=at,
            job=job,
            source=Source(
                kind="data", schedule=kept.name, path=file.path, paths=(file.path,), files=1
            ),
        )
        started = self.starting.start(kept, request) is Outcome.STARTED
        run = request.run if started else ""
        self.memory.keep(kept.name, file, run, request.at)
        log.info(
            "file %s: schedule %s asks for run %s", file.path, kept.name, run or "none",
            extra={"file": file.path, "schedule": kept.name, "run": run or None},
        )  # fmt: skip
        return run or None


def _awake(kept: Kept) -> DataTrigger | None:
    trigger = kept.schedule.trigger
    return trigger if isinstance(trigger, DataTrigger) and kept.schedule.is_enabled else None
