"""Who gets a message of a queue without sessions: whoever waits, in turn."""

from collections.abc import Callable

from retrain.local.servicebus.engine.consumer import Consumer
from retrain.local.servicebus.engine.ready import Ready
from retrain.local.servicebus.errors import ServiceBusError
from retrain.local.servicebus.messages import Message

Hand = Callable[[Consumer, int], None]


class Competing:
    """Competing consumers. `hand(consumer, sequence_number)` locks and delivers a message."""

    def __init__(self, hand: Hand) -> None:
        self._hand = hand
        self._ready = Ready()
        self._waiting: dict[Consumer, None] = {}  # an ordered set; the first is next
        self._all: set[Consumer] = set()

    def offer(self, message: Message) -> None:
        self._ready.push(message.sequence_number)
        if self._waiting:
            self._serve()

    def withdraw(self, message: Message) -> None:
        self._ready.withdraw(message.sequence_number)

    def credit(self, consumer: Consumer) -> None:
        """The consumer's credit has changed."""
        self._all.add(consumer)
        if consumer.credit > 0:
            self._waiting[consumer] = None
            self._serve()
        else:
            self._waiting.pop(consumer, None)

    def leave(self, consumer: Consumer, *, failed: bool = False) -> None:
        """What it locked stays locked, whether it failed or not."""
        self._all.discard(consumer)
        self._waiting.pop(consumer, None)

    @property
    def consumers(self) -> int:
        return len(self._all)

    def end(self, error: ServiceBusError) -> None:
        """Send every consumer away."""
        for consumer in list(self._all):
            self.leave(consumer)
            consumer.ended(error)

    def _serve(self) -> None:
        while self._ready and self._waiting:
            consumer = next(iter(self._waiting))
            del self._waiting[consumer]
            if consumer.credit > 0:
                self._hand(consumer, self._ready.pop())
                if consumer.credit > 0:
                    self._waiting[consumer] = None
