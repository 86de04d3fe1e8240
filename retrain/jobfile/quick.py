"""The quick way to read a file that holds nothing peculiar, by libyaml: some ten times as fast.

Whatever is peculiar is left to `retrain.jobfile.source`, which reads YAML 1.2 and says what is
wrong: text that libyaml refuses, anchors, tags, names written twice or that are no plain text, and
documents that are deep or large. So both ways give the same for what this one reads, and only one
of them knows how to complain.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import yaml
from yaml.events import (
    AliasEvent,
    MappingEndEvent,
    MappingStartEvent,
    ScalarEvent,
    SequenceEndEvent,
    SequenceStartEvent,
)

from retrain.jobfile.places import Place
from retrain.jobfile.scalars import Unreadable, plain_scalar
from shared.jobs import Field

#: None where PyYAML was built without libyaml: then every file takes the other way.
_LOADER: Final = getattr(yaml, "CSafeLoader", None)
_DEEPEST: Final = 20
_MOST: Final = 5_000
#: YAML 1.1 ends lines at the first three and 1.2 does not; the two readers differ about the fourth,
#: a byte order mark in the middle; a tab or % may mean a fault or a directive.
_LEFT: Final = ("\u0085", "\u2028", "\u2029", "\ufeff", "\t", "%", "\0")


class _Peculiar(Exception):
    """Something that is not read here."""


def read_quickly(path: Path, text: str) -> tuple[Any, dict[Field, Place]] | None:
    """The plain value in the text and where its fields stand; None when it must be read otherwise.

    text: of the file at `path`, decoded.
    """
    if _LOADER is None or any(character in text for character in _LEFT):
        return None
    reading = _Reading(path)
    try:
        events = yaml.parse(text, Loader=_LOADER)
        return reading.document(events), reading.places
    except (yaml.YAMLError, _Peculiar, Unreadable, UnicodeError):
        return None


class _Reading:
    """From events to data, in one pass."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._count = 0
        self.places: dict[Field, Place] = {}

    def document(self, events: Iterator[Any]) -> Any:
        next(events)  # the stream's start
        start = next(events)
        if getattr(start, "explicit", True) or getattr(start, "version", None):
            raise _Peculiar
        value = self._value(next(events), events, ())
        next(events)  # the document's end
        if not isinstance(next(events), yaml.StreamEndEvent):
            raise _Peculiar
        return value

    def _value(self, event: Any, events: Iterator[Any], field: Field) -> Any:
        self._check(event, field)
        self.places.setdefault(field, self._place(event))
        if isinstance(event, ScalarEvent):
            return plain_scalar(event.value) if event.implicit[0] else event.value
        if isinstance(event, MappingStartEvent):
            return self._mapping(events, field)
        return self._sequence(events, field)

    def _mapping(self, events: Iterator[Any], field: Field) -> dict[str, Any]:
        found: dict[str, Any] = {}
        while not isinstance(event := next(events), MappingEndEvent):
            self._check(event, field)
            name = event.value if isinstance(event, ScalarEvent) else None
            if not name or name in found or name == "<<":
                raise _Peculiar
            inner = (*field, name)
            self.places[inner] = self._place(event)
            found[name] = self._value(next(events), events, inner)
        return found

    def _sequence(self, events: Iterator[Any], field: Field) -> list[Any]:
        found: list[Any] = []
        while not isinstance(event := next(events), SequenceEndEvent):
            found.append(self._value(event, events, (*field, len(found))))
        return found

    def _check(self, event: Any, field: Field) -> None:
        self._count += 1
        if self._count > _MOST or len(field) > _DEEPEST or isinstance(event, AliasEvent):
            raise _Peculiar
        if event.anchor is not None or event.tag is not None:
            raise _Peculiar

    def _place(self, event: ScalarEvent | MappingStartEvent | SequenceStartEvent) -> Place:
        mark = event.start_mark
        assert mark is not None
        return Place(self._path, mark.line + 1, mark.column + 1)
