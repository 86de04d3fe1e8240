"""A queue in memory that fits the host's Listener and tells what was asked of it."""

import asyncio
import time
from collections import deque
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any


@dataclass(eq=False)
class Message:
    """A message, its own delivery, and what became of it."""

    queue: "QueueTwin"
    body: bytes
    session_id: str | None = None
    delivery_count: int = 0
    locked_until: float = 0.0
    renewed: int = 0
    completed: bool = False
    message_id: str = "m1"
    sequence_number: int = 7
    enqueued_time: datetime = datetime(2026, 3, 4, 12, 0, 0, 123456, tzinfo=UTC)
    content_type: str | None = "application/json"
    correlation_id: str | None = None
    subject: str | None = "hello"
    reply_to: str | None = None
    to: str | None = None
    application_properties: dict[str, Any] = field(default_factory=lambda: {"a": 1, "b": "x"})
    lock_token: str = "the-token"

    async def complete(self) -> None:
        self.completed = True
        self.queue.settled.append(self)

    async def abandon(self) -> None:
        self.queue.put_back(self)

    def release(self) -> None:
        self.delivery_count -= 1
        self.queue.put_back(self)

    async def renew_lock(self) -> None:
        self.renewed += 1
        self.locked_until = time.time() + self.queue.lock_seconds


class Session:
    """A session of the twin while somebody holds it."""

    def __init__(self, queue: "QueueTwin", name: str) -> None:
        self.id = name
        self.locked_until = time.time() + queue.lock_seconds
        self.renewed = 0
        self._queue = queue

    async def next(self, idle_seconds: float) -> Message | None:
        deadline = time.time() + idle_seconds
        while (left := deadline - time.time()) > 0:
            for message in self._queue.waiting:
                if message.session_id == self.id:
                    return self._queue.take(message)
            await asyncio.sleep(min(left, 0.005))
        return None

    async def renew(self) -> None:
        self.renewed += 1
        self.locked_until = time.time() + self._queue.lock_seconds

    async def close(self) -> None:
        self._queue.closed.append(self.id)
        self._queue.held.discard(self.id)


class QueueTwin:
    """One queue. `settled` lists completed messages, `closed` the sessions given back."""

    def __init__(self, lock_seconds: float = 60) -> None:
        self.lock_seconds = lock_seconds
        self.waiting: deque[Message] = deque()
        self.settled: list[Message] = []
        self.held: set[str] = set()
        self.closed: list[str] = []
        self.most_at_once = 0
        self._out = 0

    def put(self, *bodies: bytes, session: str | None = None) -> list[Message]:
        made = [Message(self, body, session) for body in bodies]
        self.waiting.extend(made)
        return made

    def take(self, message: Message) -> Message:
        self.waiting.remove(message)
        message.delivery_count += 1
        message.locked_until = time.time() + self.lock_seconds
        return message

    def put_back(self, message: Message) -> None:
        self.waiting.appendleft(message)

    async def next(self) -> Message:
        while not self.waiting:
            await asyncio.sleep(0.005)
        return self.take(self.waiting[0])

    async def next_session(self) -> Session:
        while True:
            for message in self.waiting:
                if message.session_id is not None and message.session_id not in self.held:
                    self.held.add(message.session_id)
                    return Session(self, message.session_id)
            await asyncio.sleep(0.005)
