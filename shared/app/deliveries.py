"""What became of each notification of a run: the last try's result, for people to look at.

registry/deliveries/<run>/<occasion>-<number>.json      number: the address's in the job's list
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final, Literal

from shared.domain.run import Run
from shared.ports.registry import Registry

_KIND: Final = "deliveries"
State = Literal["told", "waiting", "given up"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """at: of the last try, ISO 8601.  tries: how many there were.  reason: why it was not told."""

    webhook: str
    occasion: str
    state: State
    at: str
    tries: int
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Deliveries:
    registry: Registry

    def note(self, run: str, number: int, delivery: Delivery) -> None:
        """Raises Transient."""
        self.registry.put(f"{_KIND}/{run}", f"{delivery.occasion}-{number}", asdict(delivery))

    def of(self, run: Run) -> Sequence[Mapping[str, Any]]:
        """A list and a read for each; no call for a run that tells nobody."""
        if not run.job.notifications:
            return ()
        kind = f"{_KIND}/{run.name}"
        found = (self.registry.get(kind, entry.name) for entry in self.registry.entries(kind))
        return [one for one in found if one is not None]
