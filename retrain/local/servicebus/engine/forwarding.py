"""Forwarding: a message leaves one entity for another, in the same commit.

A chain has at most four hops. What can't be handed on goes to the transfer dead-letter queue of the
entity that would have handed it on.
"""

from collections.abc import Callable
from typing import Final, Protocol

from retrain.local.servicebus.engine.queue import Queue
from retrain.local.servicebus.errors import ServiceBusError
from retrain.local.servicebus.messages import Message
from retrain.local.servicebus.rewriting import annotate

MAX_HOPS: Final = 4
_TOO_FAR: Final = (
    "MaxTransferHopCountExceeded",
    "The maximum number of allowed hops when forwarding between queues exceeded the limit. "
    f"This value is set to {MAX_HOPS}.",
)
#: Where a dead letter that is forwarded was given up.
_SOURCE: Final = "x-opt-deadletter-source"


class Destination(Protocol):
    """A queue or a topic."""

    def arrive(self, message: Message, hops: int) -> None:
        """Raises ServiceBusError when it takes no such message."""


class Forwarding:
    """`find` gives the entity at a path. Raises EntityNotFound."""

    def __init__(self, find: Callable[[str], Destination]) -> None:
        self._find = find

    def forward(self, source: Queue, message: Message, hops: int) -> None:
        """Hand on a message that the source holds no more."""
        failed, target = source.transfer_dead_letters, source.settings.forward_to
        assert failed
        assert target
        if hops >= MAX_HOPS:
            failed.bury(message, *_TOO_FAR)
            return
        number = message.sequence_number
        message.expires_at, message.delivery_count = None, 0
        if source.dead_letters is None:
            annotate(message, {_SOURCE: source.name.rpartition("/")[0]})
        try:
            self._find(target).arrive(message, hops + 1)
        except ServiceBusError as error:
            message.sequence_number = number
            failed.bury(message, type(error).__name__, str(error))
