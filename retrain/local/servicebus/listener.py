"""Receiving inside the emulator's own process, without a wire: for the local Functions host.

Same event loop, same rules: messages are locked, counted and redelivered as for any client. What
is settled here is on disk when the call returns.
"""

import asyncio
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from functools import cached_property
from typing import Any

from retrain.local.servicebus.amqp import decode, sections
from retrain.local.servicebus.engine.queue import Queue
from retrain.local.servicebus.engine.sessions import Session
from retrain.local.servicebus.errors import LockLost, NotAllowed, ServiceBusError, SessionLockLost
from retrain.local.servicebus.messages import (
    DATA,
    PROPERTIES,
    VALUE,
    Message,
    application_properties,
)

Commit = Callable[[], None]


class Delivery:
    """One message under a lock. Settling raises LockLost when the lock is gone."""

    def __init__(self, queue: Queue, message: Message, commit: Commit) -> None:
        assert message.lock is not None
        self._queue = queue
        self._message = message
        self._lock = message.lock
        self._commit = commit
        self.session_id = message.session_id
        self.sequence_number = message.sequence_number
        self.delivery_count = message.delivery_count + 1
        self.enqueued_time = datetime.fromtimestamp(message.enqueued_at, UTC)

    @property
    def message_id(self) -> str | None:
        return _text(self._message.message_id)

    @property
    def lock_token(self) -> bytes:
        """16 bytes: a uuid, little-endian."""
        return self._lock.token

    @property
    def locked_until(self) -> float:
        """Epoch seconds."""
        return self._lock.until

    @cached_property
    def body(self) -> bytes:
        """The data sections, joined; of a body that is a value, its text or bytes."""
        content = self._message.content
        parts = [
            decode(content, value)[0]
            for code, _, value, _ in sections(content)
            if code in (DATA, VALUE)
        ]
        return b"".join(part if isinstance(part, bytes) else str(part).encode() for part in parts)

    @cached_property
    def application_properties(self) -> dict[str, Any]:
        found = application_properties(self._message)
        return {str(name): value for name, value in found.items()}

    @property
    def to(self) -> str | None:
        return self._property(2)

    @property
    def subject(self) -> str | None:
        return self._property(3)

    @property
    def reply_to(self) -> str | None:
        return self._property(4)

    @property
    def correlation_id(self) -> str | None:
        return self._property(5)

    @property
    def content_type(self) -> str | None:
        return self._property(6)

    @cached_property
    def _properties(self) -> list[Any]:
        code, _, value, _ = sections(self._message.content)[0]
        assert code == PROPERTIES
        found: list[Any] = decode(self._message.content, value)[0]
        return found

    def _property(self, index: int) -> str | None:
        return _text(self._properties[index]) if index < len(self._properties) else None

    async def complete(self) -> None:
        self._queue.complete(self._lock.token)
        self._commit()

    async def abandon(self) -> None:
        """It comes again at once, its delivery count one up."""
        self._queue.abandon(self._lock.token)
        self._commit()

    async def dead_letter(self, reason: str, description: str) -> None:
        self._queue.dead_letter(self._lock.token, reason, description)
        self._commit()

    async def renew_lock(self) -> None:
        """`locked_until` moves by the queue's lock duration. In a session, renew that."""
        self._queue.renew(self._lock.token)

    def release(self) -> None:
        """Give it back as if it had not been delivered."""
        self._queue.release(self._lock.token)


def _text(value: Any) -> str | None:
    return None if value is None else str(value)


class _Inbox:
    """A consumer whose messages are awaited one by one: each wait is one credit."""

    removes = False

    def __init__(self, queue: Queue, commit: Commit) -> None:
        self._queue = queue
        self._commit = commit
        self._waits: deque[asyncio.Future[Delivery]] = deque()
        self.credit = 0

    def deliver(self, message: Message) -> None:
        self.credit -= 1
        self._waits.popleft().set_result(Delivery(self._queue, message, self._commit))

    async def next(self) -> Delivery:
        wait: asyncio.Future[Delivery] = asyncio.get_running_loop().create_future()
        self._waits.append(wait)
        self.credit += 1
        self._queue.credit(self)
        try:
            return await asyncio.shield(wait)
        except asyncio.CancelledError:
            if wait.done() and not wait.cancelled():
                self._return(wait)
            else:
                self._waits.remove(wait)
                self.credit -= 1
                self._queue.credit(self)
            raise

    def ended(self, error: ServiceBusError) -> None:
        """Every wait ends with the error."""
        self.credit = 0
        while self._waits:
            self._waits.popleft().set_exception(error)

    def _return(self, wait: asyncio.Future[Delivery]) -> None:
        """It was delivered to somebody who had just stopped waiting."""
        if wait.exception() is None:
            with suppress(LockLost):
                wait.result().release()


class LockedSession:
    """A session that is ours until closed, or until its lock runs out."""

    def __init__(self, queue: Queue, commit: Commit) -> None:
        self._queue = queue
        self._inbox = _SessionInbox(queue, commit)
        self._session: Session | None = None

    @property
    def id(self) -> str:
        assert self._session is not None
        return self._session.id

    @property
    def locked_until(self) -> float:
        """Epoch seconds."""
        assert self._session is not None
        return self._session.until

    async def next(self, idle_seconds: float) -> Delivery | None:
        """The session's next message; None when none came in that time.

        Raises SessionLockLost.
        """
        if self._inbox.lost:
            raise self._inbox.lost
        try:
            return await asyncio.wait_for(self._inbox.next(), idle_seconds)
        except TimeoutError:
            return None

    async def renew(self) -> None:
        """`locked_until` moves by the queue's lock duration. Raises SessionLockLost."""
        if self._inbox.lost:
            raise self._inbox.lost
        assert self._session is not None
        assert self._queue.sessions is not None
        self._queue.calls["renew_session_lock"] += 1
        self._queue.sessions.renew(self._session)

    async def close(self) -> None:
        """Give the session back, with every message in it that is still locked."""
        if not self._inbox.lost:
            self._inbox.lost = SessionLockLost(self.id)
            self._queue.leave(self._inbox)

    async def lock_next(self) -> None:
        """Wait for a free session with a message, and lock it. For Listener."""
        assert self._queue.sessions is not None
        accepted: asyncio.Future[Session] = asyncio.get_running_loop().create_future()

        def tell(outcome: Session | ServiceBusError) -> None:
            if isinstance(outcome, Session):
                self._session = outcome
                if not accepted.done():
                    accepted.set_result(outcome)
            elif not accepted.done():
                accepted.set_exception(outcome)

        self._queue.sessions.accept_next(self._inbox, tell, timeout=None)
        try:
            await accepted
        except asyncio.CancelledError:
            self._queue.leave(self._inbox)
            raise
        self._queue.calls["accept_session"] += 1


class _SessionInbox(_Inbox):
    def __init__(self, queue: Queue, commit: Commit) -> None:
        super().__init__(queue, commit)
        self.lost: ServiceBusError | None = None

    def session_lost(self, error: ServiceBusError) -> None:
        self.lost = error
        super().ended(error)

    def ended(self, error: ServiceBusError) -> None:
        self.session_lost(error)


class Listener:
    """Receives from one queue by peek-lock. Any number of waits may be open at once."""

    def __init__(self, queue: Queue, commit: Commit) -> None:
        self._queue = queue
        self._commit = commit
        self._inbox = _Inbox(queue, commit)

    async def next(self) -> Delivery:
        """The next message; waits for one. Raises NotAllowed for a queue with sessions.

        Raises EntityNotFound when it has been deleted, EntityDisabled, NotAllowed when it forwards.
        """
        self._queue.check_receivers()
        if self._queue.sessions:
            raise NotAllowed(f"The queue '{self._queue.name}' requires sessions: use next_session.")
        return await self._inbox.next()

    async def next_session(self) -> LockedSession:
        """The next free session that has a message, locked; waits for one.

        Raises NotAllowed for a queue without sessions.
        """
        self._queue.check_receivers()
        if not self._queue.sessions:
            raise NotAllowed(f"The queue '{self._queue.name}' has no sessions: use next.")
        session = LockedSession(self._queue, self._commit)
        await session.lock_next()
        return session
