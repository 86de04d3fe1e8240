"""A schedule's run because somebody wants it now, whatever its trigger waits for."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime

from shared.app.admission import ASKED, Admission
from shared.app.documents import checked
from shared.app.manifests import Manifests
from shared.app.schedules import Kept, Schedules
from shared.app.starting import Starting
from shared.app.windows import Windows
from shared.domain.errors import Invalid, NotFound
from shared.domain.requests import TrainingRequest, request_id, told_to_the_job
from shared.domain.run import Run, Source
from shared.jobs import CommandJob, DataTrigger, asks_for_files, job_for_files, job_for_tick
from shared.ports.files import DATA, Files
from shared.ports.registry import Registry


@dataclass(frozen=True, slots=True)
class ByHand:
    schedules: Schedules
    registry: Registry
    files: Files
    manifests: Manifests
    windows: Windows
    starting: Starting
    admission: Admission
    now: Callable[[], datetime]

    def trigger(self, name: str, path: str | None, key: str | None) -> Run:
        """Start a run now, enabled or not, beside what is under way.

        path: of the file that a data schedule's run is for; without one the files that wait are
        the run's. key: the caller's name for the asking; one key is one run. Raises NotFound,
        Invalid.
        """
        kept = self.schedules.get(name)
        on_data = isinstance(kept.schedule.trigger, DataTrigger)
        if path is not None and not on_data:
            raise Invalid(
                f"Schedule '{name}' does not wait for files, so there is none to give it.",
                remedy="Leave the path out.",
                code="NoFileWanted",
            )
        identity = request_id("by hand", kept.name, path or "", key or self.now().isoformat())
        if on_data and path is None:
            waiting = self._those_that_wait(kept, identity)
            if waiting is not None:
                return self.admission.runs.load(waiting).run
        return self._start(kept, path, identity)

    def _those_that_wait(self, kept: Kept, identity: str) -> str | None:
        told = self.registry.get(ASKED, identity)
        if told is not None and told.get("run"):
            return str(told["run"])
        run = self.windows.look(kept.name, now_or_never=True)
        if run is not None:
            note = {"at": self.now().isoformat(), "content": kept.name, "run": run}
            self.registry.put(ASKED, identity, note)
        elif asks_for_files(kept.schedule.create_job):
            raise Invalid(
                f"No file waits for schedule '{kept.name}', and its job needs one.",
                remedy="Name one that is there: `--path <path>`.",
                code="NoFileWaits",
            )
        return run

    def _start(self, kept: Kept, path: str | None, identity: str) -> Run:
        # The run's name holds a time: the first asking's.
        mine = {"at": self.now().isoformat(), "content": kept.name}
        at = datetime.fromisoformat(self.registry.once(ASKED, identity, mine)["at"])
        given = told_to_the_job(identity, at)
        if path is None:
            job, source = (
                job_for_tick(kept.schedule, given),
                Source(kind="http", schedule=kept.name),
            )
        else:
            job = self._job_for(kept, path, given)
            source = Source(kind="http", schedule=kept.name, path=path, paths=(path,), files=1)
        request = TrainingRequest(id=identity, at=at, job=job, source=source)
        self.starting.start(kept, request, beside=True)
        return self.admission.runs.load(request.run).run

    def _job_for(self, kept: Kept, path: str, given: Mapping[str, str]) -> CommandJob:
        file = self.files.stat(DATA, path)
        if file is None:
            raise NotFound("file", path, "Upload it with `retrain data upload`.")
        landed = self.manifests.write(kept.name, [file]).landed
        return checked(lambda landed: job_for_files(kept.schedule, landed, given), landed)
