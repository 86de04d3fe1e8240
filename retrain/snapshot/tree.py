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
class Stamp:
    """Which file it is and what state it is in; another stamp means that it was changed since."""

    device: int
    inode: int
    size: int
    changed_ns: int

    @classmethod
    def of(cls, found: os.stat_result) -> "Stamp":
        if os.name == "nt":  # a folder's entries have no such numbers there, an open file has
            return cls(0, 0, found.st_size, found.st_mtime_ns)
        return cls(found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns)


@dataclass(frozen=True, slots=True)
class SourceFile:
    """One file: `name` inside the snapshot (with `/`), where its bytes are, how it was met."""

    name: str
    path: str
    executable: bool
    stamp: Stamp

    @property
    def size(self) -> int:
        """In bytes."""
        return self.stamp.size

    @classmethod
    def met(cls, name: str, path: str, found: os.stat_result) -> "SourceFile":
        """Raises SnapshotRefused for what is no regular file."""
        if not stat.S_ISREG(found.st_mode):
            raise refused(name, "is no file but a socket, a pipe or a device")
        return cls(name, path, bool(found.st_mode & stat.S_IXUSR), Stamp.of(found))


def files_below(
    root: Path, rules: Rules, prefix: str = "", enough: int = ENOUGH
) -> Iterator[SourceFile]:
    """Yield what travels, in no set order and at most `enough` of it; `root` is a resolved folder.

    prefix: put in front of each name, for a folder that is included under its own name.
    Raises SnapshotRefused for a link out of `root`, a broken or circular link, a name that is no
    Unicode, a socket, pipe or device, and a folder that can't be listed.
    """
    count = 0
    # (name below the root, where it really is, the real folders on the way to it)
    todo: list[tuple[str, str, tuple[str, ...]]] = [("", str(root), (str(root),))]
    while todo and count < enough:
        above, folder, way = todo.pop()
        for entry in _entries(folder):
            name = above + entry.name
            if rules.ignored(name, folder=entry.is_dir(follow_symlinks=False)):
                continue
            check_name(name)
            path, found = _real(root, name, entry)
            if stat.S_ISDIR(found.st_mode):
                if path in way:
                    raise refused(name, "is a link to a folder that it lies in, without end")
                todo.append((name + "/", path, (*way, path)))
            else:
                yield SourceFile.met(prefix + name, path, found)
                count += 1


def check_name(name: str) -> None:
    """Raise SnapshotRefused for a name that no other machine could give a file."""
    try:
        name.encode()
    except UnicodeEncodeError:
        raise refused(ascii(name), "has a name that is no Unicode") from None
    if "\\" in name:
        raise refused(name, "has a backslash in its name, which is a folder's end elsewhere")


def refused(name: str, what: str) -> SnapshotRefused:
    return SnapshotRefused(
        f"{name} {what}.",
        remedy=f"Replace it, or leave it out with the line /{name} in .amlignore.",
    )


def _entries(folder: str) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as entries:
            return list(entries)
    except OSError as error:
        raise SnapshotRefused(
            f"The folder {folder} can't be read: {error.strerror}.",
            remedy="Make it readable, or leave it out with a line in .amlignore.",
        ) from error


def _real(root: Path, name: str, entry: os.DirEntry[str]) -> tuple[str, os.stat_result]:
    try:
        if not entry.is_symlink():
            return entry.path, os.lstat(entry.path)
        target = Path(entry.path).resolve(strict=True)
        if not target.is_relative_to(root):
            raise refused(name, f"is a link that leads out of the code folder, to {target}")
        return str(target), target.stat()
    except (OSError, RuntimeError) as error:  # RuntimeError: a circle of links, before 3.13
        if not entry.is_symlink():
            raise refused(name, "was removed, or can't be looked at") from error
        raise refused(name, "is a link that leads nowhere") from error
