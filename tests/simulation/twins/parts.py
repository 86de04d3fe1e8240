"""Files in parts, in memory; `blocks` is where a test puts what a client would."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta

from shared.domain.errors import NotFound
from tests.simulation.twins.files import SimulatedFiles


@dataclass
class SimulatedParts:
    """Parts."""

    files: SimulatedFiles
    blocks: dict[tuple[str, str, str], bytes] = field(default_factory=dict)

    def put(self, container: str, path: str, content: bytes, content_type: str) -> None:
        self.files.write(container, path, content)

    def address(self, container: str, path: str, part: str, lasting: timedelta) -> str:
        return f"https://blobs.invalid/{container}/{path}?part={part}"

    def join(self, container: str, path: str, parts: Sequence[str], content_type: str) -> None:
        keys = [(container, path, part) for part in parts]
        if any(key not in self.blocks for key in keys):
            raise NotFound("Part", path, "Upload the file again, all of it.")
        self.files.write(container, path, b"".join(self.blocks[key] for key in keys))
