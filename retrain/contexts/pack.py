"""The tar file of a build context: names sorted, times and owners left out, links kept.

A link may lead anywhere inside the context; one that leads out is refused, since what it names is
not there where the image is built. The Dockerfile and the .dockerignore always travel.
"""

import gzip
import hashlib
import os
import shutil
import tarfile
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import IO, TYPE_CHECKING, Final, Self, cast

from retrain.contexts.dockerignore import NAME, Dockerignore, read_dockerignore
from retrain.problem import Problem

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer

#: What may travel, before it is packed.
MOST_BYTES: Final = 300_000_000
MOST_FILES: Final = 10_000


class ContextRefused(Problem):
    """The folder can't be sent as it is: nothing has been sent."""

    exit_code = 2


@dataclass(frozen=True, slots=True)
class BuildContext:
    """A packed context; leaving its `with` block removes the temporary file.

    digest: SHA-256 of the tar before compression, in hex.  size: of the file, in bytes.
    """

    path: Path
    digest: str
    size: int
    files: int

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        shutil.rmtree(self.path.parent, ignore_errors=True)


class _Hashed:
    """Passes on what is written, and hashes it."""

    def __init__(self, below: IO[bytes]) -> None:
        self._below = below
        self.sha256 = hashlib.sha256()

    def write(self, data: "ReadableBuffer") -> int:
        self.sha256.update(data)
        return self._below.write(data)


def pack_context(folder: Path, dockerfile: str = "Dockerfile") -> BuildContext:
    """Pack the folder into a temporary file, which the caller removes (`with`).

    dockerfile: its path below the folder. Raises ContextRefused.
    """
    root = folder.resolve()
    try:
        names = sorted(_names(root, read_dockerignore(root), {dockerfile, NAME}))
        _check(root, names, dockerfile)
        return _packed(root, names)
    except OSError as error:
        raise ContextRefused(
            f"{error.filename or root} can't be read: {error.strerror or error}.",
            "Make it readable, or leave it out with a line in .dockerignore.",
        ) from error


def _packed(root: Path, names: list[str]) -> BuildContext:
    target = Path(tempfile.mkdtemp(prefix="retrain-context-"))
    try:
        path = target / "context.tar.gz"
        with path.open("wb") as file, gzip.GzipFile("", "wb", 6, file, mtime=0) as squeezed:
            hashed = _Hashed(cast(IO[bytes], squeezed))
            stream = cast(IO[bytes], hashed)
            with tarfile.open(fileobj=stream, mode="w|", format=tarfile.PAX_FORMAT) as tar:
                for name in names:
                    _add(tar, root, name)
        size = path.stat().st_size
        return BuildContext(path, hashed.sha256.hexdigest(), size, len(names))
    except BaseException:
        shutil.rmtree(target, ignore_errors=True)
        raise


def _add(tar: tarfile.TarFile, root: Path, name: str) -> None:
    if (root / name).is_socket():  # of which the library makes no entry
        raise _no_file(name)
    entry = tar.gettarinfo(root / name, name)
    if not (entry.isreg() or entry.issym() or entry.islnk()):
        raise _no_file(name)
    entry.uid = entry.gid = 0
    entry.uname = entry.gname = ""
    entry.mtime = 0
    if entry.issym():
        entry.mode = 0o777
        tar.addfile(entry)
        return
    entry.mode = 0o755 if entry.mode & 0o100 else 0o644
    entry.type, entry.linkname = tarfile.REGTYPE, ""  # two names of one file are two files
    entry.size = (root / name).stat().st_size
    with (root / name).open("rb") as file:
        tar.addfile(entry, file)


def _no_file(name: str) -> ContextRefused:
    return ContextRefused(
        f"{name} is no file but a socket, a pipe or a device.",
        f"Remove it, or leave it out with the line {name} in .dockerignore.",
    )


def _names(root: Path, rules: Dockerignore, always: set[str]) -> Iterator[str]:
    """Files and links by their paths below the root."""
    todo = [""]
    while todo:
        prefix = todo.pop()
        with os.scandir(root / prefix) as entries:
            for entry in entries:
                name = prefix + entry.name
                excluded = rules.excludes(name)
                if entry.is_dir(follow_symlinks=False):
                    held = any(one.startswith(f"{name}/") for one in always)
                    if not excluded or rules.brings_back or held:
                        todo.append(f"{name}/")
                elif not excluded or name in always:
                    yield name


def _check(root: Path, names: list[str], dockerfile: str) -> None:
    if dockerfile not in names:
        raise ContextRefused(
            f"There is no file {root / dockerfile}.",
            "Write the Dockerfile's path in `build.dockerfile_path`, relative to `build.path`.",
        )
    size = 0
    for name in names:
        size += (root / name).lstat().st_size
        if (root / name).is_symlink():
            _check_link(root, name)
    if size > MOST_BYTES or len(names) > MOST_FILES:
        raise ContextRefused(
            f"The build context {root} is too large: {len(names):,} files of {size / 1e6:,.1f} MB "
            f"(at most {MOST_FILES:,} files and {MOST_BYTES / 1e6:,.0f} MB).",
            "Leave out what the Dockerfile does not copy: one line each in .dockerignore.",
        )


def _check_link(root: Path, name: str) -> None:
    target = (root / name).readlink()
    place = os.path.normpath(PurePosixPath(name).parent / target)
    outside = target.is_absolute() or place == ".." or place.startswith("../")
    if outside or not (root / name).resolve().is_relative_to(root):
        raise ContextRefused(
            f"{name} is a link that leads out of the build context, to {target}.",
            f"Copy the file in, or leave the link out with the line {name} in .dockerignore.",
        )
