"""What stays at home: the ignore file of the code folder, read as git reads it.

Only the code folder's own root is looked at; `.amlignore` wins over `.gitignore` and only one of
the two is read (as the Azure ML CLI does). Whatever they say, these never travel: `.git` (history,
and a folder or, in a worktree, a file) and `__pycache__` (made by running the code, so that the
same code would be a new snapshot after each run).

pathspec turns each pattern into an expression that also matches what lies below an ignored folder.
A walk from the top down needs less and gets git's exact answer from it: the last pattern that
matches the path itself. Patterns and paths are compared byte by byte, as in git: a character of
the text that is compared stands for one byte.
"""

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from pathspec.patterns.gitignore import GitIgnorePatternError
from pathspec.patterns.gitignore.spec import GitIgnoreSpecPattern

from retrain.snapshot.errors import SnapshotRefused

IGNORE_FILES = (".amlignore", ".gitignore")
MARK = "\ufeff".encode()  # git, too, skips a byte order mark
NEVER = frozenset({".git", "__pycache__"})


@dataclass(frozen=True, slots=True)
class Line:
    """One pattern. ignores: False for `!pattern`.  folders_only: for `pattern/`."""

    expression: re.Pattern[str]
    ignores: bool
    folders_only: bool
    deep: bool  # such as `a/**` or `*`: what matches the start of a path matches the path

    def matches(self, path: str) -> bool:
        match = self.expression.search if self.deep else self.expression.fullmatch
        return match(path) is not None


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
        for line in reversed(self.lines):
            if (folder or not line.folders_only) and line.matches(path):
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
        folders_only = line.endswith("/")
        pattern = line.removesuffix("/")
        try:
            # a pattern of one name matches at any depth, with or without its slash at the end
            compiled = GitIgnoreSpecPattern(_guarded(pattern))
        except (GitIgnorePatternError, re.error):
            continue  # git, too, takes a line it can't read as matching nothing
        if compiled.regex is None or compiled.include is None:
            continue  # blank
        body = pattern.removeprefix("!")
        deep = body in ("*", "**/*") or body.rpartition("/")[2] == "**"
        yield Line(compiled.regex, compiled.include, folders_only, deep)


def _trimmed(line: str) -> str:
    """Without the blanks at its end, but for one behind a backslash; tabs are part of a name."""
    kept = at = 0
    while at < len(line):
        step = 2 if line[at] == "\\" else 1
        at += step
        if step == 2 or line[at - 1] != " ":
            kept = at
    return line[:kept]


def _guarded(pattern: str) -> str:
    """With white space at its end in brackets, or pathspec would strip it."""
    if not pattern[-1:].isspace():
        return pattern
    head = pattern[:-1]
    if (len(head) - len(head.rstrip("\\"))) % 2:
        head = head[:-1]
    return f"{head}[{pattern[-1]}]"
