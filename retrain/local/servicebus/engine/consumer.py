"""Who receives from a queue: a link of a connection, or a listener in this process."""

from typing import Protocol

from retrain.local.servicebus.errors import ServiceBusError
from retrain.local.servicebus.messages import Message


class Consumer(Protocol):
    """credit: how many messages it takes now; `deliver` lowers it.

    removes: what it gets is gone from the queue at once (RECEIVE_AND_DELETE).
    """

    credit: int
    removes: bool

    def deliver(self, message: Message) -> None: ...

    def ended(self, error: ServiceBusError) -> None:
        """Nothing more will be delivered: the queue is gone, or takes no receivers any more."""


class SessionConsumer(Consumer, Protocol):
    """A consumer of one session's messages, which it can lose."""

    def session_lost(self, error: ServiceBusError) -> None:
        """The session's lock has run out; nothing more will be delivered."""
