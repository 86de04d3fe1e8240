"""A link on which the client receives: from a queue, from one session of it, or replies."""

from __future__ import annotations

from typing import TYPE_CHECKING

from retrain.local.servicebus.amqp import UInt
from retrain.local.servicebus.amqp.performatives import WRAP, Flow
from retrain.local.servicebus.engine.queue import Queue
from retrain.local.servicebus.errors import LockLost, ServiceBusError, SessionLockLost
from retrain.local.servicebus.messages import Message, new_token, serialize
from retrain.local.servicebus.wire.claims import Claim

if TYPE_CHECKING:
    from retrain.local.servicebus.wire.session import Session


class OutgoingLink:
    """A consumer. queue: None for a link that only carries replies.

    session_id: of a link to a session, once it has one. Until then it is `waiting`.
    """

    def __init__(
        self, session: Session, name: str, handle: int, address: str, queue: Queue | None
    ) -> None:
        self.name = name
        self.handle = handle
        self.address = address
        self.queue = queue
        self.removes = False
        self.waiting = False
        self.session_id: str | None = None
        self.credit = 0
        self.claim: Claim | None = None
        self._session = session
        self._count = 0

    def attached(self) -> None:
        """The client grants credit when it wants messages; the queue knows of it from now on."""
        if self.queue:
            self.queue.credit(self)

    def close(self, *, failed: bool) -> None:
        self.credit = 0
        if self.queue:
            self.queue.leave(self, failed=failed)

    def flow(self, flow: Flow) -> None:
        left = ((flow.delivery_count or 0) + (flow.link_credit or 0) - self._count) & WRAP
        self.credit = left if left <= WRAP >> 1 else 0
        if self.queue and not self.waiting:
            self.queue.credit(self)
        if flow.drain:
            self._count = (self._count + self.credit) & WRAP
            self.credit = 0
            if self.queue and not self.waiting:
                self.queue.credit(self)
        if flow.drain or flow.echo:
            state = UInt(self.handle), UInt(self._count), UInt(self.credit), UInt(0)
            self._session.flow(*state, bool(flow.drain))

    # -- engine.consumer.SessionConsumer

    def deliver(self, message: Message) -> None:
        token = message.lock.token if message.lock else None
        self._transfer(token or new_token(), serialize(message), token)

    def session_lost(self, error: ServiceBusError) -> None:
        self._session.detach(self, error)

    def ended(self, error: ServiceBusError) -> None:
        self._session.detach(self, error)

    # -- what the wire asks

    def reply(self, payload: bytes) -> None:
        self._transfer(self._count.to_bytes(4, "big"), payload, None)

    def lost(self, error: LockLost) -> LockLost:
        """The reason as this link knows it: with a session gone, so are its locks."""
        sessions = self.queue.sessions if self.queue else None
        if self.session_id is not None and sessions and sessions.of(self) is None:
            return SessionLockLost(self.session_id)
        return error

    def _transfer(self, tag: bytes, payload: bytes, token: bytes | None) -> None:
        self.credit = max(0, self.credit - 1)
        self._count = (self._count + 1) & WRAP
        self._session.transfer(self, tag, payload, token)
