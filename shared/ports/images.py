"""The images that environments stand for."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, Protocol


@dataclass(frozen=True, slots=True)
class ImageState:
    """`image` is a reference when ready; `reason` and the log's end speak when it failed."""

    state: Literal["building", "ready", "failed"]
    image: str = ""
    reason: str = ""
    log: str = ""


class Images(Protocol):
    """Twins: LoopbackImages, SimulatedImages."""

    def ensure(self, key: str, image: str, conda: Mapping[str, Any], *, afresh: bool) -> ImageState:
        """Have the image of this recipe built unless it is there; the same key is one build.

        afresh: a build that failed earlier is tried once more (somebody asks anew).

        Raises Refused when images can't be built here, Transient.
        """
