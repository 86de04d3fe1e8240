"""What every way of making an environment has in common: its promise, its failure, its log."""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from shared.jobs.images.recipe import Recipe

TAIL_LINES = 40
_TAIL_BYTES = 16 * 1024
_COMPLAINT = re.compile(r"(?:(?:#\d+ )?\d+\.\d+ )?(?:error|cause): (?P<words>.+)", re.IGNORECASE)
_STEP = ("building at STEP", "failed to solve: process")


class BuildFailed(Exception):
    """The recipe can't be made here; the message says why and what to change.

    complaint: the part of it that the log has already, in the words of a program.
    """

    def __init__(self, what: str, complaint: str = "") -> None:
        super().__init__(f"{what}: {complaint}" if complaint else what)
        self.what = what


class Maker(Protocol):
    """One way of making environments; `mode` is kept in the record of what it made."""

    @property
    def mode(self) -> str: ...

    def image_of(self, key: str, recipe: Recipe) -> str:
        """What a task has to name to run in it."""
        ...

    async def make(self, key: str, recipe: Recipe, log: "BuildLog") -> None:
        """Leave the environment whole under its key, or nothing. Raises BuildFailed, OSError."""
        ...

    async def holds(self, key: str, recipe: Recipe) -> bool:
        """Whether what was made is still there: people delete folders and images."""
        ...


@dataclass(frozen=True, slots=True)
class BuildLog:
    """All that a build said, as a file that may be read while it grows."""

    path: Path

    def open(self, opening: str) -> None:
        """Begin anew, with this first line."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self.path.write_text(f"{opening}\n", encoding="utf-8")

    def say(self, text: str) -> None:
        """Add a line of our own."""
        with self.path.open("a", encoding="utf-8") as file:
            file.write(f"{text}\n")

    def read(self, offset: int = 0, limit: int = -1) -> bytes:
        """What follows a byte's offset, `limit` bytes at most (-1: all); nothing when the log is
        shorter, or not there."""
        try:
            with self.path.open("rb") as file:
                file.seek(offset)
                return file.read(limit)
        except FileNotFoundError:
            return b""

    def tail(self) -> str:
        """The last lines, 40 at most."""
        try:
            size = self.path.stat().st_size
        except FileNotFoundError:
            return ""
        text = self.read(max(0, size - _TAIL_BYTES)).decode(errors="replace")
        return "\n".join(text.splitlines()[-TAIL_LINES:])

    def complaint(self, code: int) -> str:
        """In one line what a program said was wrong, be it uv, pip or an engine; else its code."""
        found = (_COMPLAINT.fullmatch(line.strip()) for line in self.tail().splitlines())
        words = list(dict.fromkeys(each["words"] for each in found if each))
        # An engine tells last, and only, which of its steps failed; the step itself knew why.
        told = [each for each in words if not each.startswith(_STEP)]
        return " ".join(told or words) or f"it ended with code {code}"
