"""The messages that one entity holds: in memory by number, on disk, and on the clock."""

from collections.abc import Callable, Iterator
from heapq import nsmallest

from retrain.local.servicebus.engine.clock import Clock
from retrain.local.servicebus.engine.timetable import Timetable
from retrain.local.servicebus.errors import MessageNotFound
from retrain.local.servicebus.messages import Message, State
from retrain.local.servicebus.store import QueueStore


class Holding:
    """size: of all of them, in bytes. `expired` is called with one whose time to live is over."""

    def __init__(self, store: QueueStore, clock: Clock, expired: Callable[[Message], None]) -> None:
        self._store = store
        self._expiry = Timetable[int](clock, lambda number: expired(self.messages[number]))
        self.messages: dict[int, Message] = {}
        self.size = 0

    def restore(self) -> Iterator[Message]:
        """Take up what the store holds, by number."""
        for message in self._store.messages():
            self._keep(message)
            yield message

    def stop(self) -> None:
        self._expiry.stop()

    def add(self, message: Message) -> None:
        self._keep(message)
        self._store.add(message)

    def _keep(self, message: Message) -> None:
        self.messages[message.sequence_number] = message
        self.size += message.size
        if message.expires_at is not None:
            self._expiry.set(message.sequence_number, message.expires_at)

    def change(self, message: Message) -> None:
        """Its state or delivery count is another one."""
        self._store.change(message)

    def remove(self, message: Message) -> None:
        del self.messages[message.sequence_number]
        self.size -= message.size
        self._store.remove(message)
        if message.expires_at is not None:
            self._expiry.drop(message.sequence_number)

    def in_state(self, sequence_number: int, state: State) -> Message:
        """The message, if it is in that state and not locked. Raises MessageNotFound."""
        message = self.messages.get(sequence_number)
        if message is None or message.state is not state or message.lock:
            raise MessageNotFound(f"The message with sequence number {sequence_number}")
        return message

    def peek(self, from_sequence_number: int, limit: int, session: str | None) -> list[Message]:
        """Messages in any state, by sequence number."""
        wanted = (
            message
            for number, message in self.messages.items()
            if number >= from_sequence_number and session in (None, message.session_id)
        )
        return nsmallest(max(0, limit), wanted, key=_number)


def _number(message: Message) -> int:
    return message.sequence_number
