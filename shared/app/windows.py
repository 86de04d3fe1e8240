"""Files that wait for others, and the run that they become together.

A file that landed is a small document, named by schedule, version and path: no two events ever
write the same one differently. The run is decided once, by a write of the schedule's window with
its ETag: the files are written down first, then the window says which list is closing, then the run
is asked for, each file is remembered as part of it, and only then its document is deleted. Whoever
finds a window closing goes on where another one died.
"""

import logging
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from math import ceil
from posixpath import dirname
from typing import Any, Final

from shared.app.agenda import LOOK, Agenda, Due
from shared.app.at_once import at_once
from shared.app.file_memory import FileMemory
from shared.app.manifests import Manifest, Manifests
from shared.app.schedules import KIND, Kept, Schedules
from shared.app.starting import Outcome, Starting
from shared.domain.errors import Conflict
from shared.domain.events import FilesWait
from shared.domain.gathering import Gathering
from shared.domain.requests import TrainingRequest, request_id, told_to_the_job
from shared.jobs import (
    MOST_FILES,
    MOST_TEXT,
    DataTrigger,
    InvalidDocument,
    asks_for_paths_as_text,
    job_for_files,
)
from shared.ports.bus import Bus
from shared.ports.files import DATA, File, Files
from shared.ports.registry import Entry, Registry

log = logging.getLogger("retrain.triggers")

#: The registry's kinds: files that wait, files that say that others are complete, and windows.
WAITING: Final = "waiting"
COMPLETE: Final = "complete"
WINDOWS: Final = "windows"
#: Between two looks whether the run before is over.
PAUSE: Final = timedelta(seconds=15)
#: What landed so short ago is not let go with a schedule that isn't there.
YOUNG: Final = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class Windows:
    schedules: Schedules
    registry: Registry
    files: Files
    memory: FileMemory
    manifests: Manifests
    starting: Starting
    agenda: Agenda
    bus: Bus
    now: Callable[[], datetime]

    def add(self, kept: Kept, file: File) -> None:
        """Let the file wait, and see that somebody looks when it may have waited enough."""
        self._once(WAITING, kept, file)
        trigger = _data(kept)
        if trigger.quiet_period:
            self._look_later(kept, _some_time_after(self.now(), trigger.quiet_period))
        else:
            self._look_now(kept)

    def complete(self, kept: Kept, file: File) -> None:
        """The file says that those in its folder are all there."""
        self._once(COMPLETE, kept, file)
        self._look_now(kept)

    def look(self, name: str, *, now_or_never: bool = False) -> str | None:
        """Close the schedule's window if it is time, or finish what another one began.

        now_or_never: don't wait for more files. Returns the run that was asked for, if any.
        Raises Conflict when somebody else is at it, Transient.
        """
        kept = self.schedules.find(name)
        window = self.registry.load(WINDOWS, name)
        if kept is None or not isinstance(kept.schedule.trigger, DataTrigger):
            self._forget(name)
            return None
        if window is not None and window.document["closing"]:
            run = self._finish(kept, window.document, window.etag)
            window = self.registry.load(WINDOWS, name)
            if run or window is None or window.document["closing"]:
                return run
        if not kept.schedule.is_enabled and not now_or_never:
            return None
        return self._in_time(kept, window.etag if window else None, now_or_never=now_or_never)

    def _in_time(self, kept: Kept, etag: str | None, *, now_or_never: bool) -> str | None:
        name = kept.name
        waiting = self.registry.entries(WAITING, f"{name}~", MOST_FILES)
        complete = self._complete(kept)
        due = self._due(kept, waiting, complete, now_or_never=now_or_never)
        if due is None:
            return None
        if due > self.now():
            self._look_later(kept, due)
            return None
        if not now_or_never and self.starting.busy(kept):
            self._look_later(kept, self.now() + PAUSE)
            return None
        return self._close(kept, waiting, complete, etag, beside=now_or_never)

    def waits(self, name: str) -> int:
        """How many files wait, as far as one run would take them."""
        return len(self.registry.entries(WAITING, f"{name}~", MOST_FILES))

    def _complete(self, kept: Kept) -> Sequence[Entry]:
        if _data(kept).when is None:
            return []
        return self.registry.entries(COMPLETE, f"{kept.name}~", MOST_FILES)

    def _due(
        self, kept: Kept, waiting: Sequence[Entry], complete: Sequence[Entry], *, now_or_never: bool
    ) -> datetime | None:
        landed = [entry.modified for entry in waiting]
        if complete or (landed and now_or_never):
            return self.now()
        return _gathering(_data(kept)).due(landed) if landed else None

    def _close(
        self,
        kept: Kept,
        waiting: Sequence[Entry],
        complete: Sequence[Entry],
        etag: str | None,
        *,
        beside: bool,
    ) -> str | None:
        trigger = _data(kept)
        if trigger.when is None or not complete:
            entries, files, rest = self._those(kept, waiting)
        else:
            folders = {dirname(_path(entry)) for entry in complete}
            entries = [entry for entry in waiting if _below(_path(entry), folders)]
            files, rest = self._in_folders(kept, folders)
            if len(files) < trigger.min_files:
                self._drop(COMPLETE, complete)
                return None
        if not files:
            self._drop(WAITING, entries)
            self._drop(COMPLETE, complete)
            return None
        manifest = self.manifests.write(kept.name, files, [entry.name for entry in entries])
        closing = {
            "closing": manifest.id,
            "at": self.now().isoformat(),
            "complete": [] if rest else [entry.name for entry in complete],
            "beside": beside,
        }
        etag = self.registry.save(WINDOWS, kept.name, closing, etag)
        return self._finish(kept, closing, etag)

    def _finish(self, kept: Kept, closing: dict[str, Any], etag: str) -> str | None:
        manifest = self.manifests.read(closing["closing"])
        at = datetime.fromisoformat(closing["at"])
        request = self._request(kept, manifest, at)
        outcome = Outcome.SKIPPED
        if request is not None:
            outcome = self.starting.start(kept, request, beside=closing["beside"])
        if outcome is Outcome.WAITS:
            self._look_later(kept, self.now() + PAUSE)
            return None
        run = request.run if request and outcome is Outcome.STARTED else ""
        at_once(manifest.files, lambda file: self.memory.keep(kept.name, file, run, at))
        at_once(manifest.entries, lambda entry: self.registry.delete(WAITING, entry))
        at_once(closing["complete"], lambda entry: self.registry.delete(COMPLETE, entry))
        try:
            self.registry.save(WINDOWS, kept.name, {"closing": None}, etag)
        except Conflict:
            return run or None  # somebody else finished it too
        if self.waits(kept.name) or self._complete(kept):
            self._look_later(kept, self.now())
        return run or None

    def _request(self, kept: Kept, manifest: Manifest, at: datetime) -> TrainingRequest | None:
        identity = request_id("window", kept.name, manifest.id, at.isoformat())
        try:
            given = told_to_the_job(identity, at)
            job = job_for_files(kept.schedule, manifest.landed, given)
        except InvalidDocument as error:
            log.warning(
                "schedule %s: its files can't be a job's inputs: %s", kept.name, error,
                extra={"schedule": kept.name},
            )  # fmt: skip
            return None
        return TrainingRequest(
            id=identity,
            at=at,
            job=job,
            source=manifest.source(kept.name),
        )

    def _those(self, kept: Kept, waiting: Sequence[Entry]) -> tuple[list[Entry], list[File], bool]:
        """Entries as far as one run takes them, and the files that they mean today; whether there
        are others."""
        order = sorted(waiting, key=lambda entry: (entry.modified, _path(entry)))
        paths = list(dict.fromkeys(_path(entry) for entry in order))
        chosen = {*_as_far_as_they_fit(kept, paths)}
        entries = [entry for entry in order if _path(entry) in chosen]
        present = dict(at_once([*chosen], lambda path: (path, self._present(kept, path))))
        files = [file for path in paths if path in chosen and (file := present[path])]
        return entries, files, len(chosen) < len(paths)

    def _present(self, kept: Kept, path: str) -> File | None:
        """The file as it is now; None when there is nothing new to train on."""
        file = self.files.stat(DATA, path) if _data(kept).matches(path) else None
        if file is None or file.size == 0 or self.memory.known(kept.name, file):
            return None
        return file

    def _in_folders(self, kept: Kept, folders: set[str]) -> tuple[list[File], bool]:
        """What is there, be its events here or not; whether it is too much for one run."""
        found: dict[str, File] = {}
        for folder in sorted(folders):
            for file in self.files.list(DATA, f"{folder}/" if folder else ""):
                if _data(kept).matches(file.path) and file.size:
                    found[file.path] = file
        order = sorted(found.values(), key=lambda file: (file.modified, file.path))
        fresh = at_once(order, lambda file: not self.memory.known(kept.name, file))
        files = [file for file, new in zip(order, fresh, strict=True) if new]
        chosen = {*_as_far_as_they_fit(kept, [file.path for file in files])}
        return [file for file in files if file.path in chosen], len(chosen) < len(files)

    def _once(self, kind: str, kept: Kept, file: File) -> None:
        try:
            self.registry.save(kind, f"{kept.name}~{file.etag}~{file.path}", {}, None)
        except Conflict:
            return  # told twice

    def _look_now(self, kept: Kept) -> None:
        due = Due(self.now().replace(microsecond=0), kept.name, LOOK)
        self.agenda.add(due)
        try:
            self.look(kept.name)
        except Conflict:
            return  # somebody else is at it; what is on the agenda sees to the rest
        self.agenda.done(due)

    def _look_later(self, kept: Kept, at: datetime) -> None:
        """The message comes to the second; the agenda is for when it is lost."""
        at = datetime.fromtimestamp(ceil(at.timestamp()), tz=at.tzinfo)
        self.agenda.add(Due(at, kept.name, LOOK))
        identity = f"schedule-{kept.name}"
        wait = FilesWait(id=f"{identity}-{at:%Y%m%dT%H%M%S}", at=at, schedule=kept.name)
        self.bus.event(identity, wait, after=at)

    def _forget(self, name: str) -> None:
        if self.registry.get(KIND, name) is not None:
            return  # there is one, of another kind or that this version can't read
        young = False
        for kind in (WAITING, COMPLETE):
            entries = self.registry.entries(kind, f"{name}~", MOST_FILES)
            old = [entry for entry in entries if self.now() - entry.modified >= YOUNG]
            young = young or len(old) < len(entries)
            self._drop(kind, old)
        if young:  # of a schedule that is created anew this moment, it may be
            self.agenda.add(Due(self.now() + YOUNG, name, LOOK))
        else:
            self.registry.delete(WINDOWS, name)

    def _drop(self, kind: str, entries: Sequence[Entry]) -> None:
        at_once(entries, lambda entry: self.registry.delete(kind, entry.name))


def _data(kept: Kept) -> DataTrigger:
    assert isinstance(kept.schedule.trigger, DataTrigger)
    return kept.schedule.trigger


def _gathering(trigger: DataTrigger) -> Gathering:
    longest = trigger.longest_wait
    return Gathering(
        quiet=timedelta(seconds=trigger.quiet_period),
        longest=None if longest is None else timedelta(seconds=longest),
        least=trigger.min_files,
        most=MOST_FILES,
        marked=trigger.when is not None,
    )


def _some_time_after(now: datetime, quiet: int) -> datetime:
    """The moment to look, the same for files that land within a quarter of the time."""
    step = max(1, quiet // 4)
    return datetime.fromtimestamp(ceil((now.timestamp() + quiet + 1) / step) * step, tz=now.tzinfo)


def _as_far_as_they_fit(kept: Kept, paths: Sequence[str]) -> Iterator[str]:
    """As text they have to fit a value; the others are the next run's."""
    room = MOST_TEXT if asks_for_paths_as_text(kept.schedule.create_job) else None
    for count, path in enumerate(paths):
        if room is not None:
            room -= len(path.encode()) + 1
            if room < 0 and count:
                return
        if count == MOST_FILES:
            return
        yield path


def _path(entry: Entry) -> str:
    return entry.name.split("~", 2)[2]


def _below(path: str, folders: set[str]) -> bool:
    return any(not folder or path.startswith(f"{folder}/") for folder in folders)
