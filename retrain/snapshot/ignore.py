"""What stays at home: the ignore file of the code folder, read as git reads it.

Only the code folder's own root is looked at; `.amlignore` wins over `.gitignore` and only one of
the two is read (as the Azure ML CLI does). Whatever they say, these never travel: `.git` (history,
and a folder or, in a worktree, a file) and `__pycache__` (made by running the code, so that the
same code would be a new snapshot after each run).

The last pattern that matches wins. Patterns and paths are compared byte by byte, as in git: a
character of the text that is compared stands for one byte.
"""

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from retrain.snapshot.errors import SnapshotRefused
from retrain.snapshot.wildmatch import NeverMatches, expression

IGNORE_FILES = (".amlignore", ".gitignore")
MARK = "\ufeff".encode()  # git, too, skips a byte order mark
NEVER = frozenset({".git", "__pycache__"})


@dataclass(frozen=True, slots=True)
class Line:
    """One pattern. ignores: False for `!pattern`.  folders_only: for `pattern/`.

    by_name: a pattern without a slash is compared with the last part of a path, at any depth.
    """

    expression: re.Pattern[str]
    ignores: bool
    folders_only: bool
    by_name: bool


@dataclass(frozen=True, slots=True)
class Rules:
    """The patterns in force and the name of the file they came from (None: there was none)."""

    source: str | None
    lines: tuple[Line, ...]

    def ignored(self, path: str, *, folder: bool) -> bool:
        """Say whether `path` (relative, with `/`) stays at home, given that its folder does not.

        Ask from the top down: git, too, never looks below an ignored folder, so that a `!` inside
        of one brings nothing back. A link to a folder counts as a file here, as it does for git.
        """
        if path.rpartition("/")[2] in NEVER:
            return True
        if not self.lines:
            return False
        path = os.fsencode(path).decode("latin-1")
        name = path.rpartition("/")[2]
        for line in reversed(self.lines):
            if (folder or not line.folders_only) and line.expression.fullmatch(
                name if line.by_name else path
            ):
                return line.ignores
        return False


NO_RULES = Rules(None, ())


def read_rules(root: Path) -> Rules:
    """Read the ignore file of the folder `root`; raises SnapshotRefused when it can't be read."""
    for name in IGNORE_FILES:
        file = root / name
        if file.is_file():
            try:
                content = file.read_bytes()
            except OSError as error:
                raise SnapshotRefused(f"{file} can't be read: {error.strerror}.") from error
            return Rules(name, tuple(_lines(content.removeprefix(MARK).decode("latin-1"))))
    return NO_RULES


def _lines(text: str) -> Iterator[Line]:
    for raw in text.split("\n"):
        line = raw.removesuffix("\r")
        if line.startswith("#"):
            continue
        line = _trimmed(line)
        ignores = not line.startswith("!")
        pattern = line.removeprefix("!")
        folders_only = pattern.endswith("/")
        pattern = pattern.removesuffix("/")
        by_name = "/" not in pattern
        if not pattern:
            continue
        try:
            compiled = expression(pattern.removeprefix("/"), path=not by_name)
        except NeverMatches:
            continue
        yield Line(compiled, ignores, folders_only, by_name)


def _trimmed(line: str) -> str:
    """Without the blanks at its end, but for one behind a backslash; tabs are part of a name."""
    kept = at = 0
    while at < len(line):
        step = 2 if line[at] == "\\" else 1
        at += step
        if step == 2 or line[at - 1] != " ":
            kept = at
    return line[:kept]
