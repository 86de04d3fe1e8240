"""Forwarding: a message leaves one entity for another, in the same commit.

A chain has at most four hops. What can't be handed on goes to the transfer dead-letter queue of the
entity that would have handed it on.
"""

from collections.abc import Callable
from typing import Final, Protocol

from retrain.local.servicebus.engine.queue import Queue
from retrain.local.servicebus.errors import ServiceBusError
from retrain.local.servicebus.messages import Message

MAX_HOPS: Final = 4
_TOO_FAR: Final = (
    "MaxTransferHopCountExceeded",
    "The maximum number of allowed hops when forwarding between queues exceeded the limit. "
    f"This value is set to {MAX_HOPS}.",
)


class Destination(Protocol):
    """A queue or a topic."""

    def arrive(self, message: Message, hops: int) -> None:
        """Raises ServiceBusError when it takes no such message."""


class Forwarding:
    """`find` gives the entity at a path. Raises EntityNotFound."""

    def __init__(self, find: Callable[[str], "Destination"]) -> None:
        self._find = find

    def forward(self, source: Queue, message: Message, hops: int) -> None:
        """Hand on a message that the source holds no more."""
        failed = source.transfer_dead_letters
        assert failed, "a transfer dead-letter queue does not forward"
        if hops >= MAX_HOPS:
            failed.bury(message, *_TOO_FAR)
            return
        target = source.settings.forward_to
        assert target is not None
        before = message.sequence_number
        try:
            self._find(target).arrive(message, hops + 1)
        except ServiceBusError as error:
            message.sequence_number = before
            failed.bury(message, error.condition, str(error))
