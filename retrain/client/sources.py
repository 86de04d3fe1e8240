"""Local files on their way up: found, and read once for their hashes.

sha256 names what is stored by content (the inputs of a run); MD5 is Blob Storage's own check that
every byte arrived.
"""

import base64
import hashlib
import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from retrain.client.errors import BadSource

PIECE = 1 << 20


@dataclass(frozen=True, slots=True)
class LocalFile:
    """`name` is the path below what the user named, with `/`; sha256 in hex, md5 in base64."""

    name: str
    path: Path
    size: int
    changed_ns: int
    sha256: str
    md5: str

    def check_unchanged(self) -> None:
        """Raise BadSource when the file is not what it was when it was hashed."""
        found = self.path.stat()
        if (found.st_size, found.st_mtime_ns) != (self.size, self.changed_ns):
            raise changed(self.path)


def changed(path: Path) -> BadSource:
    return BadSource(
        f"{path} changed while it was uploaded.",
        remedy="Run the command again when nothing writes to it any more.",
    )


def local_files(path: Path) -> list[LocalFile]:
    """Return the file, or all files of the folder (hidden ones too), in the order of their names.

    Links to files are followed, links to folders refused. Raises BadSource, also for no file.
    """
    if not path.exists():
        raise BadSource(f"{path} does not exist.")
    try:
        found = list(_walk(path)) if path.is_dir() else [(path.name, path)]
        files = [_read(name, file) for name, file in sorted(found)]
    except OSError as error:
        raise BadSource(f"{error.filename or path} can't be read: {error.strerror}.") from error
    if not files:
        raise BadSource(f"The folder {path} has no file.")
    return files


def digest(files: list[LocalFile]) -> str:
    """Return one SHA-256 for names and contents, in hex: the same files are the same digest."""
    lines = [[file.name, file.size, file.sha256] for file in files]
    return hashlib.sha256(json.dumps(lines).encode()).hexdigest()


def _walk(root: Path) -> Iterator[tuple[str, Path]]:
    def unreadable(error: OSError) -> None:
        raise error

    for folder, below, names in os.walk(root, onerror=unreadable):
        for name in below:
            if (Path(folder) / name).is_symlink():
                raise BadSource(
                    f"{Path(folder) / name} is a link to a folder.",
                    remedy="Upload that folder itself, or copy it in.",
                )
        for name in names:
            file = Path(folder) / name
            yield file.relative_to(root).as_posix(), file


def _read(name: str, path: Path) -> LocalFile:
    if not path.is_file():
        raise BadSource(f"{path} is no file (a broken link, a socket, a pipe or a device).")
    sha256, md5 = hashlib.sha256(), hashlib.md5(usedforsecurity=False)
    with path.open("rb") as file:
        before = os.fstat(file.fileno())
        while piece := file.read(PIECE):
            sha256.update(piece)
            md5.update(piece)
        size = file.tell()
    if size != before.st_size:
        raise changed(path)
    check = base64.b64encode(md5.digest()).decode()
    return LocalFile(name, path, size, before.st_mtime_ns, sha256.hexdigest(), check)
