"""The files of a code folder that will travel, found by a walk that skips what is ignored.

A link is followed: its target's bytes are stored under the link's own name, because what unpacks a
snapshot may know no links. A link may only lead to something inside the code folder; one that
leads out is refused, since the snapshot would carry what the user never put there. Folders without
files leave no trace, as in git.
"""

import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from retrain.snapshot.errors import SnapshotRefused
from retrain.snapshot.ignore import Rules

ENOUGH = 50_000  # files; a walk that met so many is in the wrong folder (a home, a disk)


@dataclass(frozen=True, slots=True)
class SourceFile:
    """One file: `name` inside the snapshot (with `/`), where its bytes are, its size in bytes."""

    name: str
    path: Path
    size: int
    executable: bool


def files_below(root: Path, rules: Rules) -> Iterator[SourceFile]:
    """Yield what travels, in no set order and at most ENOUGH of it; `root` is a resolved folder.

    Raises SnapshotRefused for a link out of `root`, a broken or circular link, a name that is no
    Unicode, a socket, pipe or device, and a folder that can't be listed.
    """
    count = 0
    # (name inside the snapshot, where it really is, the real folders on the way to it)
    todo: list[tuple[str, Path, tuple[Path, ...]]] = [("", root, (root,))]
    while todo and count < ENOUGH:
        prefix, folder, above = todo.pop()
        for entry in _entries(folder):
            name = prefix + entry.name
            if rules.ignored(name, folder=entry.is_dir(follow_symlinks=False)):
                continue
            _check_name(name)
            real = _target(root, name, entry) if entry.is_symlink() else Path(entry.path)
            found = real.stat()
            if stat.S_ISDIR(found.st_mode):
                if real in above:
                    raise _refused(name, "is a link to a folder that it lies in, without end")
                todo.append((name + "/", real, (*above, real)))
            else:
                yield _file(name, real, found)
                count += 1


def _entries(folder: Path) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as entries:
            return list(entries)
    except OSError as error:
        raise SnapshotRefused(
            f"The folder {folder} can't be read: {error.strerror}.",
            remedy="Make it readable, or leave it out with a line in .amlignore.",
        ) from error


def _file(name: str, path: Path, found: os.stat_result) -> SourceFile:
    if not stat.S_ISREG(found.st_mode):
        raise _refused(name, "is no file but a socket, a pipe or a device")
    return SourceFile(name, path, found.st_size, bool(found.st_mode & stat.S_IXUSR))


def _target(root: Path, name: str, entry: os.DirEntry[str]) -> Path:
    try:
        target = Path(entry.path).resolve(strict=True)
    except (OSError, RuntimeError) as error:  # RuntimeError: a circle of links, before 3.13
        raise _refused(name, "is a link that leads nowhere") from error
    if not target.is_relative_to(root):
        raise _refused(name, f"is a link that leads out of the code folder, to {target}")
    return target


def _check_name(name: str) -> None:
    try:
        name.encode()
    except UnicodeEncodeError:
        raise _refused(ascii(name), "has a name that is no Unicode") from None


def _refused(name: str, what: str) -> SnapshotRefused:
    return SnapshotRefused(
        f"{name} {what}.",
        remedy=f"Replace it, or leave it out with the line /{name} in .amlignore.",
    )
