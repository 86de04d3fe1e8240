"""One queue: where its messages are between being sent and being done.

A message is active (ready, or locked by one receiver), scheduled, or deferred. Whoever settles
names the lock's token; a token that is not known any more is a lost lock. What is given up goes to
the dead-letter queue, a queue of its own without sessions, time to live and delivery limit.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from itertools import islice
from typing import Any

from retrain.local.servicebus.config import QueueSettings
from retrain.local.servicebus.engine.clock import Clock
from retrain.local.servicebus.engine.competing import Competing
from retrain.local.servicebus.engine.consumer import Consumer
from retrain.local.servicebus.engine.duplicates import Duplicates
from retrain.local.servicebus.engine.locks import Locks
from retrain.local.servicebus.engine.sessions import Session, Sessions
from retrain.local.servicebus.engine.timetable import Timetable
from retrain.local.servicebus.errors import MessageNotFound, MessageTooLarge, NotAllowed
from retrain.local.servicebus.messages import Message, State, with_application_properties
from retrain.local.servicebus.store import QueueStore


class Queue:
    """`dead_letters` is None for a dead-letter queue itself."""

    def __init__(
        self,
        settings: QueueSettings,
        store: QueueStore,
        clock: Clock,
        calls: Counter[str],
        dead_letters: "Queue | None",
    ) -> None:
        self.settings = settings
        self.name = settings.name
        self.dead_letters = dead_letters
        self.calls = calls
        self._store = store
        self._clock = clock
        self.messages: dict[int, Message] = {}
        self._time_to_live = Timetable[int](clock, self._expired)
        self._schedule = Timetable[int](clock, self._activate)
        window = settings.duplicate_window
        self._duplicates = None if window is None else Duplicates(window, store)
        self.sessions: Sessions | None = None
        if settings.sessions:
            self.sessions = Sessions(clock, settings.lock_seconds, self._hand, self._release_all)
        self._dispatch = self.sessions or Competing(self._hand)
        self._locks = Locks(clock, settings.lock_seconds, self.sessions, self._lock_expired)

    def restore(self) -> None:
        """Take up what the store holds."""
        if self.sessions:
            for id_, state, touched in self._store.session_states():
                session = self.sessions.get(id_)
                session.state, session.touched = state, touched
        if self._duplicates:
            self._duplicates.restore()
        for message in self._store.messages():
            self._hold(message)
            if message.state is State.SCHEDULED:
                assert message.scheduled_at is not None
                self._schedule.set(message.sequence_number, message.scheduled_at)
            elif message.state is State.ACTIVE:
                self._offer(message)

    def stop(self) -> None:
        for timed in (self._locks, self._time_to_live, self._schedule):
            timed.stop()
        if self.sessions:
            self.sessions.stop()

    # -- in

    def put(self, messages: Sequence[Message]) -> list[int]:
        """Accept all of them, or none. Returns sequence numbers; 0 stands for a duplicate.

        Raises NotAllowed for a message without the session id that the queue requires,
        MessageTooLarge.
        """
        for message in messages:
            if self.sessions and message.session_id is None:
                raise NotAllowed(
                    f"The queue '{self.name}' requires sessions, and a message has no session id. "
                    "Set session_id on each message."
                )
            if message.size > self.settings.max_message_bytes:
                raise MessageTooLarge(self.settings.max_message_bytes)
        return [self._accept(message) for message in messages]

    def _accept(self, message: Message) -> int:
        now = self._clock.now()
        if self._duplicates and self._duplicates.seen(message.message_id, now):
            return 0
        message.sequence_number = self._store.next_sequence_number()
        message.enqueued_sequence_number = message.sequence_number
        message.enqueued_at = now
        if message.scheduled_at and message.scheduled_at > now:
            message.state = State.SCHEDULED
            self._hold(message)
            self._store.add(message)
            self._schedule.set(message.sequence_number, message.scheduled_at)
        else:
            self._begin(message)
        return message.sequence_number

    def _begin(self, message: Message) -> None:
        """Make a message active that is in no state yet."""
        limit = self.settings.time_to_live
        if limit is not None and (message.time_to_live is None or message.time_to_live > limit):
            message.time_to_live = limit
        if message.time_to_live is not None and self.dead_letters:
            message.expires_at = message.enqueued_at + message.time_to_live
        message.state = State.ACTIVE
        self._hold(message)
        self._store.add(message)
        self._offer(message)

    def _activate(self, sequence_number: int) -> None:
        """A scheduled message's time has come: it is as if it were sent now."""
        message = self.messages[sequence_number]
        self._drop(message)
        message.sequence_number = self._store.next_sequence_number()
        message.enqueued_at = self._clock.now()
        self._begin(message)

    def cancel(self, sequence_numbers: Iterable[int]) -> None:
        """Take back scheduled messages. Raises MessageNotFound, and then none is."""
        numbers = dict.fromkeys(sequence_numbers)
        found = [self._in_state(number, State.SCHEDULED) for number in numbers]
        for message in found:
            self._schedule.drop(message.sequence_number)
            self._drop(message)

    def _in_state(self, sequence_number: int, state: State) -> Message:
        message = self.messages.get(sequence_number)
        if message is None or message.state is not state or message.lock:
            raise MessageNotFound(f"The message with sequence number {sequence_number}")
        return message

    # -- out

    def credit(self, consumer: Any) -> None:
        """The consumer's credit has changed: deliver what there is."""
        self._dispatch.credit(consumer)

    def leave(self, consumer: Any, *, failed: bool = False) -> None:
        """The consumer is gone. Messages it locked stay so, unless it held a session."""
        self._dispatch.leave(consumer, failed=failed)

    def _hand(self, consumer: Consumer, sequence_number: int) -> None:
        message = self.messages[sequence_number]
        self.calls["receive"] += 1
        if consumer.removes:
            self._drop(message)
        else:
            self._locks.add(message)
        consumer.deliver(message)

    def receive_deferred(
        self, sequence_numbers: Iterable[int], *, remove: bool, session: str | None
    ) -> list[Message]:
        """Deferred messages, of the session if one is named, locked or removed.

        Raises MessageNotFound, and then none is.
        """
        numbers = dict.fromkeys(sequence_numbers)
        found = [self._in_state(number, State.DEFERRED) for number in numbers]
        if any(session not in (None, message.session_id) for message in found):
            raise MessageNotFound("A message with such a sequence number in this session")
        for message in found:
            self.calls["receive"] += 1
            if remove:
                self._drop(message)
            else:
                self._locks.add(message)
        return found

    def peek(self, from_sequence_number: int, limit: int, session: str | None) -> list[Message]:
        """Messages in any state, by sequence number; nothing is locked."""
        numbers = sorted(number for number in self.messages if number >= from_sequence_number)
        messages = (self.messages[number] for number in numbers)
        wanted = (each for each in messages if session is None or each.session_id == session)
        return list(islice(wanted, max(0, limit)))

    def set_session_state(self, session: Session, state: bytes | None) -> None:
        """None: it has none any more."""
        session.state, session.touched = state, self._clock.now()
        self._store.set_state(session.id, state, session.touched)

    # -- settling: all raise LockLost

    def complete(self, token: bytes) -> None:
        self.calls["complete"] += 1
        self._drop(self._locks.under(token))

    def abandon(self, token: bytes) -> None:
        """Deliver it again, counted."""
        self.calls["abandon"] += 1
        self._unlock(self._locks.under(token), failed=True)

    def release(self, token: bytes) -> None:
        """Deliver it again as if it had not been."""
        self.calls["release"] += 1
        self._unlock(self._locks.under(token), failed=False)

    def defer(self, token: bytes) -> None:
        """Keep it for whoever asks for its sequence number."""
        self.calls["defer"] += 1
        message = self._locks.under(token)
        message.state = State.DEFERRED
        self._unlock(message, failed=True)

    def dead_letter(self, token: bytes, reason: str | None, description: str | None) -> None:
        self.calls["dead_letter"] += 1
        self._bury(self._locks.under(token), reason, description)

    def renew(self, token: bytes) -> float:
        """Until when the message is locked now."""
        self.calls["renew_lock"] += 1
        return self._locks.renew(token)

    # -- leaving a lock or the queue

    def _unlock(self, message: Message, *, failed: bool) -> None:
        self._locks.remove(message)
        message.delivery_count += failed
        limit = self.settings.max_delivery_count
        if message.state is State.DEFERRED:
            self._store.change(message)
        elif limit is not None and message.delivery_count >= limit:
            self._bury(
                message,
                "MaxDeliveryCountExceeded",
                f"Message could not be consumed after {limit} delivery attempts.",
            )
        elif message.expires_at is not None and message.expires_at <= self._clock.now():
            self._expired(message.sequence_number)
        else:
            if failed:
                self._store.change(message)
            self._offer(message)

    def _lock_expired(self, message: Message) -> None:
        self._unlock(message, failed=True)

    def _release_all(self, session: Session, failed: bool) -> None:
        for message in list(session.locked.values()):
            self._unlock(message, failed=failed)

    def _expired(self, sequence_number: int) -> None:
        """A message's time to live is over; while it is locked or deferred that waits."""
        message = self.messages[sequence_number]
        if message.lock or message.state is not State.ACTIVE:
            return
        if self.settings.dead_letter_expired:
            self._bury(message, "TTLExpiredException", "The message expired and was dead lettered.")
        else:
            self._drop(message)

    def _bury(self, message: Message, reason: str | None, description: str | None) -> None:
        target = self.dead_letters or self
        self._drop(message)
        extra = {"DeadLetterReason": reason, "DeadLetterErrorDescription": description}
        message.content = with_application_properties(message, extra)
        message.state, message.expires_at = State.ACTIVE, None
        target.take(message)

    def take(self, message: Message) -> None:
        """A message from the queue above, with its number and times as they are."""
        self._hold(message)
        self._store.add(message)
        self._offer(message)

    def _hold(self, message: Message) -> None:
        self.messages[message.sequence_number] = message
        if message.expires_at is not None:
            self._time_to_live.set(message.sequence_number, message.expires_at)
        if self.sessions:
            self.sessions.joined(message)

    def _offer(self, message: Message) -> None:
        self._dispatch.offer(message)

    def _drop(self, message: Message) -> None:
        self._locks.remove(message)
        del self.messages[message.sequence_number]
        self._store.remove(message)
        if message.expires_at is not None:
            self._time_to_live.drop(message.sequence_number)
        if message.state is State.ACTIVE:
            self._dispatch.withdraw(message)
        if self.sessions:
            self.sessions.left(message)
