"""What pools, jobs and tasks have in common: an id, the caller's words, a state and stamps."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import count
from typing import Any, ClassVar

#: Starts at the clock, so that an ETag is never given twice, across restarts too.
_etags = count(time.time_ns())


def stamp(moment: datetime | None = None) -> str:
    """A moment (now) as the service writes it: UTC, microseconds, Z."""
    moment = moment or datetime.now(UTC)
    return moment.isoformat(timespec="microseconds").replace("+00:00", "Z")


def moment_of(text: str) -> datetime:
    """The moment that `stamp` wrote."""
    return datetime.fromisoformat(text)


class IllegalMove(Exception):
    """A state that can't follow the present one: a mistake of ours, never of the caller's."""


@dataclass(slots=True, kw_only=True, eq=False)
class Entity:
    """`number` counts up in order of creation; `spec` is the body the caller sent."""

    KIND: ClassVar[str]
    NEXT: ClassVar[Mapping[str, tuple[str, ...]]]
    KEPT: ClassVar[tuple[str, ...]] = (
        *("id", "number", "spec", "state", "created", "etag", "modified"),
        *("state_since", "previous", "previous_since"),
    )

    id: str
    number: int
    spec: dict[str, Any]
    state: str
    created: str = ""
    etag: str = ""
    modified: str = ""
    state_since: str = ""
    previous: str | None = None
    previous_since: str | None = None

    def __post_init__(self) -> None:
        if not self.created:
            self.touch()
            self.created = self.state_since = self.modified

    @property
    def key(self) -> tuple[str, str]:
        """Its kind and its id as ids are compared: what the store knows it by."""
        return self.KIND, self.id.lower()

    def touch(self) -> None:
        """A new ETag and last-modified time."""
        self.etag = f"0x{next(_etags):X}"
        self.modified = stamp()

    def to(self, state: str) -> None:
        """Move to another state, if the table of states has it so."""
        if state not in self.NEXT[self.state]:
            raise IllegalMove(f"{type(self).__name__} '{self.id}': {self.state} -> {state}")
        self.touch()
        self.previous, self.previous_since = self.state, self.state_since
        self.state, self.state_since = state, self.modified

    def document(self) -> dict[str, Any]:
        """The entity as the service shows it, as JSON."""
        raise NotImplementedError

    def statistics(self) -> dict[str, Any] | None:
        """The property that $expand=stats adds; None when there is none."""
        return None

    def stamps(self) -> dict[str, Any]:
        """The properties every entity has, as JSON."""
        document: dict[str, Any] = {
            "id": self.id,
            "eTag": self.etag,
            "lastModified": self.modified,
            "creationTime": self.created,
            "state": self.state,
            "stateTransitionTime": self.state_since,
        }
        if self.previous:
            document["previousState"] = self.previous
            document["previousStateTransitionTime"] = self.previous_since
        return document

    def record(self) -> dict[str, Any]:
        """What the store keeps; the constructor takes it back."""
        return {name: getattr(self, name) for name in self.KEPT}


def without_nulls(document: dict[str, Any]) -> dict[str, Any]:
    """The document with absent instead of null properties, as the service answers."""
    return {name: value for name, value in document.items() if value is not None}
