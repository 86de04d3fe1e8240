"""Whether attempts may start: what is written down of it for all instances, in one document."""

from dataclasses import dataclass, field
from datetime import datetime

from shared.domain.ledger import Ledger


@dataclass(frozen=True, slots=True)
class Held:
    """Nothing starts. by: who wants it so."""

    by: str
    since: datetime

    @property
    def note(self) -> str:
        """For the timeline of a run that was ended by it."""
        return f"drained by {self.by}"

    @property
    def waits(self) -> str:
        """For the timeline of a run that waits."""
        return f"compute is held by {self.by}: waits for `retrain compute resume`"


@dataclass(frozen=True, slots=True, kw_only=True)
class Capacity:
    """resumed_at: when a hold ended whose runs are still to be set going; None once they are.

    ledger: of nodes; kept only where there are limits.
    """

    held: Held | None = None
    resumed_at: datetime | None = None
    ledger: Ledger = field(default_factory=Ledger)
