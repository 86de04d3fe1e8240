"""Artifacts that scripts log: files below `<run>/<attempt>/artifacts/` of the outputs.

A path names the run it belongs to, as MLflow's `mlflow-artifacts:/<path>` says it; so the bearer of
a run's token reaches that run's artifacts and nothing else, not its other outputs either.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from shared.app.tracking_tokens import Bearer
from shared.domain.errors import NotFound
from shared.domain.keys import digest
from shared.domain.tracked import Tracked
from shared.domain.tracking_limits import wrong
from shared.jobs.datastore import checked_path
from shared.ports.files import OUTPUTS, Files, Links
from shared.ports.parts import Parts

#: How long the address of an artifact, or of a part of one, is good for.
READABLE: Final = timedelta(minutes=15)
WRITABLE: Final = timedelta(hours=6)
#: Blob Storage's own limit.
MOST_PARTS: Final = 50_000
_FOLDER: Final = "artifacts"
_ANY: Final = "application/octet-stream"


@dataclass(frozen=True, slots=True)
class Entry:
    """A file, or (size None) a folder; path: below the folder that was listed."""

    path: str
    size: int | None


@dataclass(frozen=True, slots=True)
class PartAddress:
    number: int
    url: str


def root(tracked: Tracked) -> str:
    """Where a tracked run's artifacts are, below the outputs."""
    return f"{tracked.folder}/{_FOLDER}"


@dataclass(frozen=True, slots=True)
class TrackedArtifacts:
    """Paths begin with a run's root. All methods raise Invalid for odd paths, and Forbidden."""

    files: Files
    parts: Parts
    links: Links
    now: Callable[[], datetime]

    def put(self, bearer: Bearer, path: str, content: bytes, content_type: str) -> None:
        self.parts.put(OUTPUTS, _file(bearer, path), content, content_type or _ANY)

    def begin(self, bearer: Bearer, path: str, count: int) -> tuple[str, list[PartAddress]]:
        """The upload's id, and where to put its parts, numbered from 1."""
        whole = _file(bearer, path)
        if not 1 <= count <= MOST_PARTS:
            raise wrong(f"A file has 1 to {MOST_PARTS:,} parts, not {count:,}.")
        upload = digest(whole, self.now().isoformat())[:32]
        return upload, [
            PartAddress(n, self.parts.address(OUTPUTS, whole, _part(upload, n), WRITABLE))
            for n in range(1, count + 1)
        ]

    def finish(self, bearer: Bearer, path: str, upload: str, numbers: Sequence[int]) -> None:
        """Raises NotFound when a part has not been put."""
        whole = _file(bearer, path)
        if len(upload) != 32 or not upload.isalnum() or not numbers:
            raise wrong("This upload has not been begun.")
        names = [_part(upload, number) for number in sorted({*numbers})]
        self.parts.join(OUTPUTS, whole, names, _ANY)

    def link(self, bearer: Bearer, path: str) -> str:
        """Where the file can be read for a while. Raises NotFound."""
        whole = _file(bearer, path)
        if self.files.stat(OUTPUTS, whole) is None:
            raise NotFound("artifact", path, "`mlflow.artifacts.list_artifacts` lists them.")
        return self.links.reading(OUTPUTS, whole, READABLE)

    def list(self, bearer: Bearer, path: str) -> Sequence[Entry]:
        """What is right below the folder; a file lists itself. By name."""
        folder = _checked(bearer, path)
        found: dict[str, Entry] = {}
        for file in self.files.list(OUTPUTS, folder):
            below = file.path.removeprefix(folder)
            if not below:
                return [Entry(folder.rpartition("/")[2], file.size)]
            if below.startswith("/"):
                name, _, more = below[1:].partition("/")
                found[name] = Entry(name, None if more else file.size)
        return [found[name] for name in sorted(found)]


def _part(upload: str, number: int) -> str:
    return f"{upload}-{number:06d}"


def _file(bearer: Bearer, path: str) -> str:
    whole = _checked(bearer, path)
    if whole.count("/") <= whole.partition(f"/{_FOLDER}")[0].count("/") + 1:
        raise wrong(f"'{path}' is no file's path.")
    return whole


def _checked(bearer: Bearer, path: str) -> str:
    try:
        whole = checked_path(path).rstrip("/")
    except ValueError as error:
        raise wrong(f"Invalid path: {error}.") from error
    match whole.split("/"):
        case [run, attempt, "artifacts", *_] if attempt.isdecimal():
            tracked = Tracked(run, int(attempt))
        case [run, attempt, "children", child, "artifacts", *_] if attempt.isdecimal():
            tracked = Tracked(run, int(attempt), child)
        case _:
            raise wrong(f"Invalid path: '{path[:200]}' is in no run's artifacts.")
    bearer.check(tracked)
    return whole
