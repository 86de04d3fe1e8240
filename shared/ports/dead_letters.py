"""What the queues gave up: messages that could not be processed, kept until somebody decides."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol


@dataclass(frozen=True, slots=True, kw_only=True)
class DeadLetter:
    """A message that its queue gave up.

    number: the queue's own for it, rising.  id: the message's, "" when its sender gave none.
    run: whose run it concerns, as its sender said it, or "".  reason, description: the queue's.
    again: how often it was sent again before.
    """

    queue: str
    number: int
    id: str
    run: str
    body: bytes
    content_type: str
    reason: str
    description: str
    enqueued_at: datetime
    again: int = 0


class DeadLetters(Protocol):
    """Twins: ServiceBusDeadLetters, SimulatedDeadLetters. All may raise Refused and Transient."""

    def list(self, queue: str, limit: int, after: int = 0) -> Sequence[DeadLetter]:
        """The first `limit` with a number above `after`, by number. Takes none of them."""

    def resubmit(self, queue: str, number: int) -> str | None:
        """Send a copy and remove this one; returns the copy's id, or None if this isn't there.

        The copy's id comes from this one's, so that dying in between and asking again is one copy.
        """

    def drop(self, queue: str, number: int) -> bool:
        """Remove it for good; False when it isn't there."""
