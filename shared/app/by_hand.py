"""A schedule's run because somebody wants it now, whatever its trigger waits for."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from shared.app.admission import ASKED, Admission
from shared.app.schedules import Kept, Schedules
from shared.app.starting import Starting
from shared.app.windows import Windows
from shared.domain.errors import Invalid, NotFound
from shared.domain.requests import TrainingRequest, request_id
from shared.domain.run import Run, Source
from shared.jobs import DataTrigger, Landed, asks_for_files, job_for_files
from shared.ports.files import DATA, Files
from shared.ports.registry import Registry


@dataclass(frozen=True, slots=True)
class ByHand:
    schedules: Schedules
    registry: Registry
    files: Files
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
        if on_data and path is None:
            waiting = self._those_that_wait(kept)
            if waiting is not None:
                return self.admission.runs.load(waiting).run
        return self._start(kept, path, key)

    def _those_that_wait(self, kept: Kept) -> str | None:
        run = self.windows.look(kept.name, now_or_never=True)
        if run is None and asks_for_files(kept.schedule.create_job):
            raise Invalid(
                f"No file waits for schedule '{kept.name}', and its job needs one.",
                remedy="Name one that is there: `--path <path>`.",
                code="NoFileWaits",
            )
        return run

    def _start(self, kept: Kept, path: str | None, key: str | None) -> Run:
        now = self.now()
        identity = request_id("by hand", kept.name, path or "", key or now.isoformat())
        at = now
        if key is not None:  # the run's name holds a time: the first asking's
            told = self.registry.once(
                ASKED, identity, {"at": now.isoformat(), "content": kept.name}
            )
            at = datetime.fromisoformat(told["at"])
        job, source = kept.schedule.create_job, Source(kind="http", schedule=kept.name)
        if path is not None:
            if self.files.stat(DATA, path) is None:
                raise NotFound("File", path, "Upload it with `retrain data upload`.")
            job = job_for_files(kept.schedule, Landed((path,)))
            source = Source(kind="http", schedule=kept.name, path=path, paths=(path,), files=1)
        request = TrainingRequest(id=identity, at=at, job=job, source=source)
        self.starting.noted(kept, request.run)
        return self.admission.submit(request)
