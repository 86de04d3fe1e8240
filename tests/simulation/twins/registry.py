"""Named documents in memory."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from shared.domain.errors import Conflict
from shared.ports.registry import Entry, Kept
from tests.simulation.twins.clock import Clock


@dataclass
class SimulatedRegistry:
    """Registry. Documents are kept by their path, `<kind>/<name>`, since both may hold slashes.

    writes: by path, how often it was written, and when last.
    """

    clock: Clock = field(default_factory=Clock)
    documents: dict[str, str] = field(default_factory=dict)
    writes: dict[str, tuple[int, datetime]] = field(default_factory=dict)

    def put(self, kind: str, name: str, document: Mapping[str, Any]) -> bool:
        new = _path(kind, name) not in self.documents
        self._write(_path(kind, name), document)
        return new

    def once(self, kind: str, name: str, document: Mapping[str, Any]) -> dict[str, Any]:
        if _path(kind, name) not in self.documents:
            self._write(_path(kind, name), document)
        return dict(json.loads(self.documents[_path(kind, name)]))

    def get(self, kind: str, name: str) -> dict[str, Any] | None:
        text = self.documents.get(_path(kind, name))
        return None if text is None else dict(json.loads(text))

    def load(self, kind: str, name: str) -> Kept | None:
        document = self.get(kind, name)
        return None if document is None else Kept(document, self._etag(_path(kind, name)))

    def save(self, kind: str, name: str, document: Mapping[str, Any], etag: str | None) -> str:
        path = _path(kind, name)
        present = self._etag(path) if path in self.documents else None
        if etag != present:
            raise Conflict(path)
        self._write(path, document)
        return self._etag(path)

    def list(self, kind: str) -> Sequence[dict[str, Any]]:
        return [json.loads(self.documents[_path(kind, one.name)]) for one in self.entries(kind)]

    def entries(self, kind: str, prefix: str = "", limit: int | None = None) -> Sequence[Entry]:
        start = _path(kind, "")
        paths = (path for path in self.documents if path.startswith(start + prefix))
        # In the order of the service, whose names end in .json.
        return [
            Entry(path.removeprefix(start), self.writes[path][1], self._etag(path))
            for path in sorted(paths, key=lambda path: f"{path}.json")[:limit]
        ]

    def delete(self, kind: str, name: str) -> bool:
        return self.documents.pop(_path(kind, name), None) is not None

    def _write(self, path: str, document: Mapping[str, Any]) -> None:
        self.documents[path] = json.dumps(document)
        self.writes[path] = (self.writes.get(path, (0, self.clock.now))[0] + 1, self.clock.now)

    def _etag(self, path: str) -> str:
        return f"0x{self.writes[path][0]}"


def _path(kind: str, name: str) -> str:
    return f"{kind}/{name}"
