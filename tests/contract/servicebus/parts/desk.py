"""A queue without a wire, on a clock that stands still until it is told to go on."""

import heapq
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

from retrain.local.servicebus import NamespaceSettings, QueueSettings
from retrain.local.servicebus.amqp import encode, encode_list
from retrain.local.servicebus.engine.namespace import Namespace
from retrain.local.servicebus.engine.queue import Queue
from retrain.local.servicebus.engine.sessions import Sessions
from retrain.local.servicebus.errors import ServiceBusError
from retrain.local.servicebus.messages import Message, parse
from retrain.local.servicebus.store import Store


class Timer:
    def __init__(self, action: Callable[[], None]) -> None:
        self.action: Callable[[], None] | None = action

    def cancel(self) -> None:
        self.action = None


class ManualClock:
    """`timers` counts those that are set: an idle queue has none."""

    def __init__(self) -> None:
        self._now = 1_000_000.0
        self._timers: list[tuple[float, int, Timer]] = []
        self._made = 0

    def now(self) -> float:
        return self._now

    def call_at(self, when: float, action: Callable[[], None]) -> Timer:
        timer = Timer(action)
        self._made += 1
        heapq.heappush(self._timers, (when, self._made, timer))
        return timer

    @property
    def timers(self) -> int:
        return sum(timer.action is not None for _, _, timer in self._timers)

    def go(self, seconds: float) -> None:
        end = self._now + seconds
        while self._timers and self._timers[0][0] <= end:
            when, _, timer = heapq.heappop(self._timers)
            self._now = max(self._now, when)
            if timer.action:
                timer.action()
        self._now = end


class Taker:
    """A consumer that keeps what it gets. `lost` is why its session is gone."""

    def __init__(self, credit: int = 1000, *, removes: bool = False) -> None:
        self.credit = credit
        self.removes = removes
        self.got: list[Message] = []
        self.lost: ServiceBusError | None = None

    def deliver(self, message: Message) -> None:
        self.credit -= 1
        self.got.append(message)

    def session_lost(self, error: ServiceBusError) -> None:
        self.lost = error

    def ended(self, error: ServiceBusError) -> None:
        self.lost = error

    @property
    def bodies(self) -> list[bytes]:
        return [body(message) for message in self.got]

    @property
    def tokens(self) -> list[bytes]:
        return [message.lock.token for message in self.got if message.lock]


class Desk:
    """One queue `q` with such terms, or other entities, on a store that can be opened again."""

    def __init__(
        self, folder: Path, settings: NamespaceSettings | None = None, **terms: Any
    ) -> None:
        self.path = folder / "servicebus.sqlite"
        self.clock = ManualClock()
        self.calls: Counter[str] = Counter()
        self._settings = settings or NamespaceSettings(queues=(QueueSettings(name="q", **terms),))
        self._open()

    def _open(self) -> None:
        self.store = Store(self.path, lambda action: None)
        try:
            self.namespace = Namespace(self._settings, self.store, self.clock, self.calls)
        except BaseException:
            self.store.close()
            raise

    @property
    def queue(self) -> Queue:
        return self.namespace.receiving("q")

    @property
    def sessions(self) -> Sessions:
        assert self.queue.sessions
        return self.queue.sessions

    @property
    def dead(self) -> Queue:
        return self.namespace.receiving("Q/$deadletterqueue")

    def restart(self) -> None:
        self.close()
        self._open()

    def close(self) -> None:
        self.namespace.stop()
        self.store.close()

    def send(self, text: bytes, **terms: Any) -> int:
        """Returns the sequence number, 0 for a duplicate."""
        return self.queue.put([message(text, **terms)])[0]

    def taker(self, credit: int = 1000, *, removes: bool = False) -> Taker:
        """A consumer that waits on the queue."""
        taker = Taker(credit, removes=removes)
        self.queue.credit(taker)
        return taker

    def accept(self, session: str, credit: int = 1000) -> Taker:
        """A consumer that holds the session."""
        taker = Taker(credit)
        self.sessions.accept(session, taker)
        self.queue.credit(taker)
        return taker


#: The fixture `desk`: makes one with such settings.
Open = Callable[..., Desk]


def message(
    text: bytes,
    *,
    id_: str | None = None,
    session: str | None = None,
    ttl: float | None = None,
    at: float | None = None,
) -> Message:
    properties = encode_list([id_, *[None] * 9, session])
    made = parse(b"\x00\x53\x73" + properties + b"\x00\x53\x75" + encode(text))
    made.time_to_live, made.scheduled_at = ttl, at
    return made


def body(message: Message) -> bytes:
    return message.content.rpartition(b"\x00\x53\x75")[2][2:]
