"""The images that environments stand for, and the building of those that are not there yet."""

from dataclasses import dataclass
from typing import Literal, Protocol

from shared.jobs.images import Recipe


@dataclass(frozen=True, slots=True)
class BuildSeen:
    """How a build stands; `reason` speaks when it failed. explained: whether it says what was
    wrong, which otherwise only the build's log does."""

    state: Literal["building", "ready", "failed"]
    reason: str = ""
    explained: bool = True


class Images(Protocol):
    """Twins: RegistryImages (Azure), LoopbackImages, SimulatedImages."""

    def find(self, recipe: Recipe) -> str | None:
        """The image's reference when nodes can have it: out of the workspace's registry, or of one
        that is shared. Raises Refused when a registry won't say, Transient."""

    def begin(self, recipe: Recipe) -> str:
        """Have it built; returns the build's id. Asked twice it may be built twice.

        Raises Refused when images can't be built here, Transient.
        """

    def look(self, build: str) -> BuildSeen | None:
        """None when nothing is known of the build (any more). Raises Transient."""

    def log(self, build: str, offset: int, limit: int) -> bytes:
        """Up to `limit` bytes of what the build has said so far. Raises Transient."""
