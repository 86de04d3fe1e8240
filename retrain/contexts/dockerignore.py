"""What a .dockerignore leaves out, with Docker's own rules, which are not git's.

Patterns are anchored at the context's root; a path goes when it or a folder above it matches, and
the last line that matches decides, so `!` brings back even what lies in a folder that is left out.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

NAME = ".dockerignore"


@dataclass(frozen=True, slots=True)
class Line:
    """excludes: False for `!pattern`."""

    expression: re.Pattern[str]
    excludes: bool


@dataclass(frozen=True, slots=True)
class Dockerignore:
    """The lines of a .dockerignore, in their order."""

    lines: tuple[Line, ...] = ()

    @property
    def brings_back(self) -> bool:
        """Whether something below a folder that is left out may be sent all the same."""
        return any(not line.excludes for line in self.lines)

    def excludes(self, path: str) -> bool:
        """path: relative to the context's root, with `/`."""
        pure = PurePosixPath(path)
        paths = [str(pure), *(str(above) for above in pure.parents if str(above) != ".")]
        for line in reversed(self.lines):
            if any(line.expression.fullmatch(one) for one in paths):
                return line.excludes
        return False


def read_dockerignore(folder: Path) -> Dockerignore:
    """Of the context's folder; without the file nothing is left out. Raises OSError."""
    file = folder / NAME
    if not file.is_file():
        return Dockerignore()
    return parse_dockerignore(file.read_text(encoding="utf-8-sig", errors="surrogateescape"))


def parse_dockerignore(text: str) -> Dockerignore:
    return Dockerignore(tuple(_lines(text.splitlines())))


def _lines(lines: Iterable[str]) -> Iterator[Line]:
    for raw in lines:
        if raw.startswith("#"):
            continue
        pattern = raw.strip()
        excludes = not pattern.startswith("!")
        pattern = _clean(pattern.removeprefix("!").strip())
        if pattern:
            yield Line(re.compile(_expression(pattern), re.DOTALL), excludes)


def _clean(pattern: str) -> str:
    """As Go's filepath.Clean does: `./a//b/` is `a/b`, and the root is nothing."""
    parts: list[str] = []
    for part in pattern.split("/"):
        if part == ".." and parts and parts[-1] != "..":
            parts.pop()
        elif part not in ("", "."):
            parts.append(part)
    return "/".join(parts)


def _expression(pattern: str) -> str:
    """The pattern as a regular expression for whole paths."""
    out, at = "", 0
    while at < len(pattern):
        if pattern.startswith("**/", at):
            out, at = out + "(?:.*/)?", at + 3
        elif pattern.startswith("**", at):
            out, at = out + ".*", at + 2
        elif pattern[at] == "*":
            out, at = out + "[^/]*", at + 1
        elif pattern[at] == "?":
            out, at = out + "[^/]", at + 1
        elif pattern[at] == "[" and (end := pattern.find("]", at + 2)) > 0:
            out, at = out + _set(pattern[at + 1 : end]), end + 1
        elif pattern[at] == "\\" and at + 1 < len(pattern):
            out, at = out + re.escape(pattern[at + 1]), at + 2
        else:
            out, at = out + re.escape(pattern[at]), at + 1
    return out


def _set(inside: str) -> str:
    negated = inside.startswith("^")
    body = re.sub(r"([\[\]\\^&~|])", r"\\\1", inside.removeprefix("^"))
    return f"(?!/)[{'^' if negated else ''}{body}]"
