"""Large files that somebody without a key of ours writes in parts, and then are made whole."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Protocol


class Parts(Protocol):
    """Twins: BlobParts, SimulatedParts."""

    def put(self, container: str, path: str, content: bytes, content_type: str) -> None:
        """A whole file, new or anew."""

    def address(self, container: str, path: str, part: str, lasting: timedelta) -> str:
        """Where one part of the file may be PUT for a while. `part`: ASCII, of one length."""

    def join(self, container: str, path: str, parts: Sequence[str], content_type: str) -> None:
        """Make the file of these parts, in this order. Raises NotFound when one is not there."""
