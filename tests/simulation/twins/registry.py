"""Named documents in memory."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any


@dataclass
class SimulatedRegistry:
    """Registry."""

    documents: dict[tuple[str, str], str] = field(default_factory=dict)

    def put(self, kind: str, name: str, document: Mapping[str, Any]) -> bool:
        new = (kind, name) not in self.documents
        self.documents[kind, name] = json.dumps(document)
        return new

    def once(self, kind: str, name: str, document: Mapping[str, Any]) -> dict[str, Any]:
        text = self.documents.setdefault((kind, name), json.dumps(document))
        return dict(json.loads(text))

    def get(self, kind: str, name: str) -> dict[str, Any] | None:
        text = self.documents.get((kind, name))
        return None if text is None else dict(json.loads(text))

    def list(self, kind: str) -> Sequence[dict[str, Any]]:
        return [json.loads(self.documents[key]) for key in sorted(self.documents) if key[0] == kind]

    def delete(self, kind: str, name: str) -> bool:
        return self.documents.pop((kind, name), None) is not None
