"""Named documents: schedules, assets, and what Retrain remembers between two events."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol


@dataclass(frozen=True, slots=True)
class Kept:
    """A document as it was read; `etag` must still be the store's when it is saved."""

    document: dict[str, Any]
    etag: str


@dataclass(frozen=True, slots=True)
class Entry:
    """That there is a document. modified: when it was written last, by the store's clock, to the
    second.  etag: without quotes."""

    name: str
    modified: datetime
    etag: str = ""


class Registry(Protocol):
    """Twins: BlobRegistry, SimulatedRegistry. Documents are JSON objects below 1 MB.

    Kinds and names may hold slashes: `data/wine` is a kind, and `wine/3` a name of kind `data`.
    """

    def put(self, kind: str, name: str, document: Mapping[str, Any]) -> bool:
        """Write or replace; True when it is new."""

    def once(self, kind: str, name: str, document: Mapping[str, Any]) -> dict[str, Any]:
        """Write unless there is one; returns the one that is there then."""

    def get(self, kind: str, name: str) -> dict[str, Any] | None: ...

    def load(self, kind: str, name: str) -> Kept | None:
        """The document with its ETag, for saving it changed."""

    def save(self, kind: str, name: str, document: Mapping[str, Any], etag: str | None) -> str:
        """Replace what was loaded; `etag` None: write what wasn't there. Returns the new ETag.

        Raises Conflict when somebody else was quicker.
        """

    def list(self, kind: str) -> Sequence[dict[str, Any]]:
        """All of a kind, by name. One call when nothing changed since the last."""

    def entries(self, kind: str, prefix: str = "", limit: int | None = None) -> Sequence[Entry]:
        """The names there are of a kind that begin with `prefix`, in order, unread; the first
        `limit` of them, or all. One call for 5,000."""

    def delete(self, kind: str, name: str) -> bool:
        """False when there was none."""
