"""Values in host.json: each is of the kind it must be, or ValueError says which is not."""

import re
from collections.abc import ItemsView
from typing import Any

_SPAN = re.compile(r"(?:(\d+)\.)?(\d{1,2}):(\d{2}):(\d{2})(?:\.(\d{1,7}))?")


class Section:
    """A JSON object of the file; `path` is where it stands, for messages."""

    def __init__(self, content: object, path: str = "") -> None:
        if not isinstance(content, dict):
            raise ValueError(f"{path} must be an object, not {content!r}")
        self._content: dict[str, Any] = content
        self._path = path

    def get(self, name: str, default: Any = None) -> Any:
        value = self._content.get(name)
        return default if value is None else value

    def items(self) -> ItemsView[str, Any]:
        return self._content.items()

    def section(self, name: str) -> "Section":
        return Section(self.get(name, {}), self._named(name))

    def flag(self, name: str, default: bool) -> bool:
        value = self.get(name, default)
        if not isinstance(value, bool):
            raise ValueError(f"{self._named(name)} must be true or false, not {value!r}")
        return value

    def count(self, name: str, default: int, least: int = 1) -> int:
        value = self.get(name, default)
        if not isinstance(value, int) or isinstance(value, bool) or value < least:
            raise ValueError(
                f"{self._named(name)} must be a whole number of at least {least}, not {value!r}"
            )
        return value

    def limit(self, name: str) -> int | None:
        """A count, or None for -1 and for nothing: no limit."""
        return None if self.get(name, -1) == -1 else self.count(name, 1)

    def span(self, name: str, default: float) -> float:
        value = self.get(name)
        return default if value is None else seconds(value, self._named(name))

    def _named(self, name: str) -> str:
        return f"{self._path}.{name}" if self._path else name


def seconds(span: object, name: str = "") -> float:
    """A .NET TimeSpan, `[d.]hh:mm:ss[.fffffff]`, in seconds. Raises ValueError for another form."""
    match = _SPAN.fullmatch(str(span))
    if match is None:
        raise ValueError(
            f"{name + ': ' if name else ''}'{span}' is not a time span; "
            "write hours:minutes:seconds, 00:05:00"
        )
    days, hours, minutes, whole, part = (group or "0" for group in match.groups())
    return (
        int(days) * 86400 + int(hours) * 3600 + int(minutes) * 60 + int(whole) + float(f"0.{part}")
    )
