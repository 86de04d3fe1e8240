"""Named documents: schedules, and what Retrain remembers between two events."""

from collections.abc import Mapping, Sequence
from typing import Any, Protocol


class Registry(Protocol):
    """Twins: BlobRegistry, SimulatedRegistry. Documents are JSON objects below 1 MB."""

    def put(self, kind: str, name: str, document: Mapping[str, Any]) -> bool:
        """Write or replace; True when it is new."""

    def once(self, kind: str, name: str, document: Mapping[str, Any]) -> dict[str, Any]:
        """Write unless there is one; returns the one that is there then."""

    def get(self, kind: str, name: str) -> dict[str, Any] | None: ...

    def list(self, kind: str) -> Sequence[dict[str, Any]]:
        """All of a kind, by name. One call when nothing changed since the last."""

    def delete(self, kind: str, name: str) -> bool:
        """False when there was none."""
