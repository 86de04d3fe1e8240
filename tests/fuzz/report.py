"""What a storm module has to be, and what it tells."""

from dataclasses import dataclass, field
from random import Random
from typing import Protocol


@dataclass(slots=True)
class Report:
    """cases: inputs thrown. wrong: in words, what should never have happened."""

    cases: int = 0
    wrong: list[str] = field(default_factory=list)
    figures: dict[str, float] = field(default_factory=dict)


class Storm(Protocol):
    async def storm(self, rng: Random, deadline: float) -> Report:
        """Throw what `rng` makes until `time.monotonic()` is past the deadline; then look back.

        Everything random comes from `rng`, so that a seed is a storm. Stop at the first input that
        does harm, and say which it was.
        """
