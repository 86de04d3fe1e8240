"""Which files an output pattern means: `outputs/**/*`, `../stdout.txt`, `logs/[a-c]?.csv`.

`*`, `?` and `[…]` match within one name, `**` any number of folders. A file whose name begins with
a dot is only matched by a pattern whose name does, as on the service: `outputs/**/.*`. A link is
uploaded when what it leads to lies in the task's folder; `**` doesn't follow links to folders,
which could go round in circles.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import translate
from functools import cache
from pathlib import Path, PurePosixPath
from string import Template

WILD = re.compile(r"[*?\[]")


@dataclass(frozen=True, slots=True)
class Match:
    """A file, and its path below the pattern's fixed part (`outputs` in `outputs/**/*`)."""

    file: Path
    relative: str


def wild(pattern: str) -> bool:
    """Whether the pattern can match more than one file."""
    return WILD.search(pattern) is not None


def matches(pattern: str, working: Path, within: Path, variables: Mapping[str, str]) -> list[Match]:
    """The regular files that the pattern, relative to `working`, matches, sorted by path.

    Variables ($NAME, ${NAME}) are expanded first. A file is only matched when it is really in the
    folder `within`, whatever `..` and links say.
    """
    parts = PurePosixPath(Template(pattern).safe_substitute(variables)).parts
    fixed = next((n for n, part in enumerate(parts) if wild(part)), len(parts) - 1)
    base = working.joinpath(*parts[:fixed])
    limit = within.resolve()
    return [
        Match(found, found.relative_to(base).as_posix())
        for found in sorted(set(_walk(base, parts[fixed:])))
        if found.is_file() and found.resolve().is_relative_to(limit)
    ]


def _walk(folder: Path, parts: Sequence[str]) -> Iterator[Path]:
    """Everything below the folder that the rest of the pattern leads to."""
    if not parts:
        return
    first, rest = parts[0], parts[1:]
    if first == "**":
        yield from _walk(folder, rest or ("*",))
        for entry in _entries(folder):
            if entry.is_dir(follow_symlinks=False):
                yield from _walk(Path(entry.path), parts)
        return
    found = [entry for entry in _entries(folder) if _name(first).match(entry.name)]
    for entry in found:
        if rest:
            yield from _walk(Path(entry.path), rest)
        elif first.startswith(".") or not entry.name.startswith("."):
            yield Path(entry.path)


def _entries(folder: Path) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as entries:
            return list(entries)
    except OSError:  # no such folder, or no folder: nothing matches
        return []


@cache
def _name(part: str) -> re.Pattern[str]:
    return re.compile(translate(part))
