"""Which files a run is for: a list that its job can read, and one with their versions.

Both are named by what is in them, so writing them twice is writing them once.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from shared.domain.keys import digest
from shared.domain.run import Source
from shared.jobs import DatastorePath, Landed
from shared.ports.files import SNAPSHOTS, File, Files

_STORE: Final = "workspaceworkingdirectory"
#: Of a run's files so many are named on its record, and so many characters of their names.
NAMED: Final = 20
_CHARACTERS: Final = 4000


@dataclass(frozen=True, slots=True)
class Manifest:
    """files: in the order in which they landed.  entries: names of the documents of files that
    wait which are done with, once the run is asked for."""

    id: str
    files: tuple[File, ...]
    entries: tuple[str, ...] = ()

    @property
    def landed(self) -> Landed:
        return Landed(tuple(file.path for file in self.files), _list(self.id))

    def source(self, schedule: str) -> Source:
        """Who asked for the run; of many files the first ones, and where all are written."""
        named: list[str] = []
        for file in self.files[:NAMED]:
            if sum(map(len, named)) + len(file.path) <= _CHARACTERS:
                named.append(file.path)
        return Source(
            kind="data",
            schedule=schedule,
            path=self.files[0].path,
            paths=tuple(named),
            files=len(self.files),
            manifest=str(DatastorePath(_STORE, _versions(self.id))),
        )


@dataclass(frozen=True, slots=True)
class Manifests:
    files: Files

    def write(self, schedule: str, files: Sequence[File], entries: Sequence[str] = ()) -> Manifest:
        versions = [part for file in files for part in (file.path, file.etag)]
        manifest = Manifest(digest(schedule, *versions), (*files,), (*entries,))
        lines = "".join(f"{file.path}\n" for file in files)
        self.files.write(SNAPSHOTS, _list(manifest.id), lines.encode())
        document = {"files": [_written(file) for file in files], "entries": [*entries]}
        self.files.write(SNAPSHOTS, _versions(manifest.id), json.dumps(document).encode())
        return manifest

    def read(self, identity: str) -> Manifest:
        """Raises NotFound."""
        found = json.loads(self.files.read(SNAPSHOTS, _versions(identity)))
        files = tuple(_file(one) for one in found["files"])
        return Manifest(identity, files, tuple(found["entries"]))


def _written(file: File) -> dict[str, str | int]:
    return {
        "path": file.path,
        "size": file.size,
        "modified": file.modified.isoformat(),
        "etag": file.etag,
        "md5": file.md5,
    }


def _file(one: dict[str, str | int]) -> File:
    modified = datetime.fromisoformat(str(one["modified"]))
    return File(str(one["path"]), int(one["size"]), modified, str(one["etag"]), str(one["md5"]))


def _list(identity: str) -> str:
    return f"triggers/{identity}/paths.txt"


def _versions(identity: str) -> str:
    return f"triggers/{identity}/files.json"
