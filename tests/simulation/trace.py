"""What happened in a world, to read: a line for each step that mattered, and below it what it did.

Runs are told by their order, `run-1`, since their names are long.
"""

import re
from typing import Final

_RUN: Final = re.compile(r"\d{8}-\d{9}-[0-9a-f]{8}")


class Trace:
    """Steps that did nothing worth a line leave none."""

    def __init__(self) -> None:
        self._lines: list[str | tuple[float, int, str]] = []

    def begins(self, now: float, instance: int, what: str) -> None:
        if self._lines and not isinstance(self._lines[-1], str):
            self._lines.pop()
        self._lines.append((now, instance, what))

    def happens(self, now: float, what: str) -> None:
        """Something from outside."""
        if self._lines and not isinstance(self._lines[-1], str):
            self._lines.pop()
        self._lines.append(f"{now:8.1f}    {what}")

    def note(self, what: str) -> None:
        """Something that the step did, or that befell it."""
        self._lines.append(f"               {what}")

    def mishap(self, what: str) -> None:
        self._lines.append(f"             ! {what}")

    def lines(self) -> list[str]:
        """In order, with short names for runs."""
        names: dict[str, str] = {}

        def short(found: re.Match[str]) -> str:
            return names.setdefault(found[0], f"run-{len(names) + 1}")

        return [_RUN.sub(short, _text(line)) for line in self._lines]


def _text(line: str | tuple[float, int, str]) -> str:
    if isinstance(line, str):
        return line
    now, instance, what = line
    return f"{now:8.1f} [{instance}] {what}"
