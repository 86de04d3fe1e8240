"""A link on which the client receives: from a queue, from one session of it, or replies."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

from retrain.local.servicebus.amqp import UInt
from retrain.local.servicebus.amqp.performatives import WRAP, Flow
from retrain.local.servicebus.engine.queue import Queue
from retrain.local.servicebus.errors import (
    LockLost,
    ServiceBusError,
    SessionLockLost,
    TooMuch,
)
from retrain.local.servicebus.messages import Message, new_token, serialize
from retrain.local.servicebus.wire.claims import Claim
from retrain.local.servicebus.wire.outbox import Delivery

if TYPE_CHECKING:
    from retrain.local.servicebus.wire.session import Session


class OutgoingLink:
    """A consumer. queue: None for a link that only carries replies.

    address: where it receives from. target: what the client calls its own end.
    session_id: of a link to a session, once it has one. Until then it is `waiting`.
    credit: what the queue may deliver now; less than the client grants while the link is `held`.
    """

    def __init__(
        self,
        session: Session,
        name: str,
        handle: int,
        address: str,
        target: str | None,
        queue: Queue | None,
    ) -> None:
        self.name = name
        self.handle = handle
        self.address = address
        self.target = target
        self.queue = queue
        self.entity = queue.name if queue else None
        self.removes = False
        self.waiting = self.held = False
        self.session_id: str | None = None
        self.credit = 0
        self.claim: Claim | None = None
        self._session = session
        self._outbox = session.outbox
        self._granted = 0
        self._count = 0
        self._draining = False
        self._replies: deque[bytes] = deque()  # for want of credit
        self._owed = 0  # bytes of replies that are not yet on their way

    def attached(self) -> None:
        """The client has our side of the link; it may have granted credit before."""
        self.work()

    def close(self, *, failed: bool) -> None:
        self.credit = self._granted = 0
        self._replies.clear()
        self._outbox.forget(self)
        if self.queue:
            self.queue.leave(self, failed=failed)

    def flow(self, flow: Flow) -> None:
        granted = ((flow.delivery_count or 0) + (flow.link_credit or 0) - self._count) & WRAP
        granted = granted if granted <= WRAP >> 1 else 0
        self._granted = max(0, granted - self._outbox.unsent(self))
        self._draining = bool(flow.drain)
        self.work()
        if flow.echo and not flow.drain:
            self._tell()

    def work(self) -> None:
        """Send what there is, as far as the client takes it."""
        if self.queue is None:
            self._reply()
        elif not self.waiting:
            self._adjust()
            self.queue.credit(self)
        if self._draining and not self.held:
            self._drained()

    def begun(self) -> None:
        """A delivery is on its way."""
        self._count = (self._count + 1) & WRAP

    def gone(self, delivery: Delivery) -> None:
        """All of a delivery is on its way."""
        if self.queue is None:
            self._owed -= len(delivery.payload)

    # -- engine.consumer.SessionConsumer

    def deliver(self, message: Message) -> None:
        lock = message.lock
        token = lock.token if lock else None
        self._granted -= 1
        self._outbox.put(Delivery(self, token or new_token(), serialize(message, lock), token))
        self._adjust()

    def session_lost(self, error: ServiceBusError) -> None:
        self._session.detach(self, error)

    def ended(self, error: ServiceBusError) -> None:
        self._session.detach(self, error)

    # -- what the wire asks

    def reply(self, payload: bytes) -> None:
        if self._owed > self._session.connection.limits.reply_bytes:
            self._session.detach(self, TooMuch("More is asked than replies are taken."))
            return
        self._owed += len(payload)
        self._replies.append(payload)
        self._reply()

    def lost(self, error: LockLost) -> LockLost:
        """The reason as this link knows it: with a session gone, so are its locks."""
        sessions = self.queue.sessions if self.queue else None
        if self.session_id is not None and sessions and sessions.of(self) is None:
            return SessionLockLost(self.session_id)
        return error

    def _adjust(self) -> None:
        self.held = self._granted > 0 and self._outbox.holds(self)
        self.credit = 0 if self.held else self._granted

    def _reply(self) -> None:
        while self._replies and self._granted > 0:
            self._granted -= 1
            payload = self._replies.popleft()
            self._outbox.put(Delivery(self, new_token(), payload, None))

    def _drained(self) -> None:
        """There is nothing more to send: what is left of the credit is used up."""
        self._draining = False
        self._count = (self._count + self._granted) & WRAP
        self._granted = self.credit = 0
        if self.queue and not self.waiting:
            self.queue.credit(self)
        self._tell(drain=True)

    def _tell(self, *, drain: bool = False) -> None:
        state = UInt(self.handle), UInt(self._count), UInt(self._granted), UInt(0)
        self._session.flow(*state, drain)
