"""Two queues in memory that behave as Service Bus does.

Duplicate detection for ten minutes, scheduled messages, sessions that are met by one at a time and
in order, and after ten deliveries the dead-letter queue.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from shared import wire
from shared.domain.events import Event, FilesWait, Told
from shared.domain.requests import TrainingRequest
from tests.simulation.twins.clock import Clock

MAX_DELIVERIES: Final = 10
MEMORY: Final = timedelta(minutes=10)


@dataclass(eq=False)
class Message:
    """`session` is the run's name in `run-events`, empty in `training-requests`.

    lock: of its last delivery.
    """

    id: str
    session: str
    body: bytes
    visible_at: datetime
    deliveries: int = 0
    lock: int = 0


@dataclass
class SimulatedBus:
    """Bus. `told` is called with each message that was accepted."""

    clock: Clock = field(default_factory=Clock)
    messages: list[Message] = field(default_factory=list)
    dead: list[Message] = field(default_factory=list)
    locks: dict[str, int] = field(default_factory=dict)  # of sessions, and of ids of requests
    told: Callable[[Message], None] = lambda message: None
    _seen: dict[tuple[bool, str], datetime] = field(default_factory=dict)
    _deliveries: int = 0

    def request(self, request: TrainingRequest) -> None:
        self._accept(request.id, "", wire.encode_request(request), None)

    def event(self, run: str, event: Told, *, after: datetime | None = None) -> None:
        self._accept(event.id, run, wire.encode_event(run, event), after)

    @property
    def requests(self) -> list[TrainingRequest]:
        """Those that wait, in order."""
        return [wire.decode_request(m.body) for m in self.messages if not m.session]

    def events(self, run: str | None = None) -> list[Event]:
        """Those of runs that wait, in order, be they due or not."""
        wanted = (m for m in self.messages if m.session and run in (None, m.session))
        found = (wire.decode_event(m.body)[1] for m in wanted)
        return [event for event in found if not isinstance(event, FilesWait)]

    def clear(self) -> None:
        """Forget what waits; what was seen stays seen."""
        self.messages.clear()

    def next(self, key: str) -> Message | None:
        """Lock and deliver what comes next for a session, or the request with this id."""
        if key in self.locks:
            return None
        due = (m for m in self._of(key) if m.visible_at <= self.clock.now)
        message = min(due, key=lambda m: m.visible_at, default=None)
        if message is not None:
            self._deliveries += 1
            self.locks[key] = message.lock = self._deliveries
            message.deliveries += 1
        return message

    def settle(self, key: str, message: Message, *, done: bool, lock: int | None = None) -> bool:
        """Unlock; what isn't done comes again, ten times in all.

        lock: the delivery's, when it isn't the last one. False when it was lost meanwhile: then
        nothing happens, for somebody else deals with the message.
        """
        if lock is not None and self.locks.get(key) != lock:
            return False
        self.locks.pop(key, None)
        if message not in self.messages:
            return True
        if done or message.deliveries >= MAX_DELIVERIES:
            self.messages.remove(message)
            if not done:
                self.dead.append(message)
        return True

    def _of(self, key: str) -> Iterator[Message]:
        return (m for m in self.messages if key in (m.session, "" if m.session else m.id))

    def _accept(self, identity: str, session: str, body: bytes, after: datetime | None) -> None:
        now = self.clock.now
        seen = self._seen.get((bool(session), identity))
        if seen is not None and now - seen < MEMORY:
            return
        self._seen[bool(session), identity] = now
        message = Message(identity, session, body, max(after or now, now))
        self.messages.append(message)
        self.told(message)
