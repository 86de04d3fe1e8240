"""One queue: where its messages are between being sent and being done.

A message is active (ready, or locked by one receiver), scheduled, or deferred. Whoever settles
names the lock's token; a token that is not known any more is a lost lock. What is given up goes to
the dead-letter queue, a queue of its own without sessions, time to live and delivery limit. A queue
that forwards keeps no active message: each goes on as soon as it is ready.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from retrain.local.servicebus.engine import admission
from retrain.local.servicebus.engine.clock import Clock
from retrain.local.servicebus.engine.competing import Competing
from retrain.local.servicebus.engine.consumer import Consumer
from retrain.local.servicebus.engine.holding import Holding
from retrain.local.servicebus.engine.intake import Intake
from retrain.local.servicebus.engine.locks import Locks
from retrain.local.servicebus.engine.misfortune import Misfortune
from retrain.local.servicebus.engine.sessions import Session, Sessions
from retrain.local.servicebus.errors import MessageNotFound, ServiceBusError
from retrain.local.servicebus.messages import Message, State, with_application_properties
from retrain.local.servicebus.settings import QueueSettings
from retrain.local.servicebus.store import QueueStore

#: Hands a message of the queue on to where the queue forwards; the number is of hops so far.
Forward = Callable[["Queue", Message, int], None]


class Queue:
    """held: what is in it. accessed_at: when it last took or gave something.

    gone: it was deleted; whoever still knows it is told so. dead_letters: None for a sub-queue.
    transfer_dead_letters: for what can't be forwarded; of a dead-letter queue, its queue's.
    """

    def __init__(
        self,
        settings: QueueSettings,
        store: QueueStore,
        clock: Clock,
        calls: Counter[str],
        forward: Forward,
        fate: Misfortune,
        dead_letters: "Queue | None" = None,
        transfer_dead_letters: "Queue | None" = None,
    ) -> None:
        self.settings = settings
        self.name = settings.name
        self.dead_letters = dead_letters
        self.transfer_dead_letters = transfer_dead_letters
        self.calls = calls
        self.accessed_at = 0.0
        self.gone: ServiceBusError | None = None
        self._clock = clock
        self._forward = forward
        self.held = Holding(store, clock, self._expired)
        self.messages = self.held.messages
        self.intake = Intake(self, store, clock, fate, sessions=settings.sessions)
        self.sessions: Sessions | None = None
        if settings.sessions:
            seconds = settings.lock_seconds
            self.sessions = Sessions(clock, seconds, store, self._hand, self._release_all)
        self._dispatch = self.sessions or Competing(self._hand)
        self.locks = Locks(clock, settings.lock_seconds, self.sessions, fate, self._lock_expired)

    def restore(self) -> None:
        """Take up what the store holds; `open` gives it out. Raises DataFolderUnusable."""
        if self.sessions:
            self.sessions.restore()
        self.intake.restore()
        for message in self.held.restore():
            admission.check_restored(self.settings, message)
            if self.sessions:
                self.sessions.joined(message)
            if message.state is State.SCHEDULED:
                self.intake.keep(message)

    def open(self) -> None:
        """Offer what is active."""
        for message in list(self.messages.values()):
            if message.state is State.ACTIVE and not message.lock:
                self._offer(message)

    def stop(self) -> None:
        for timed in (self.locks, self.held, self.intake):
            timed.stop()
        if self.sessions:
            self.sessions.stop()

    # -- in

    def put(self, messages: Sequence[Message]) -> list[int]:
        """Accept all of them, or none: see Intake.put."""
        return self.intake.put(messages)

    def arrive(self, message: Message, hops: int) -> None:
        """A message that another entity hands on. Raises EntityDisabled, QuotaExceeded."""
        admission.check_sending(self.settings, self.held.size)
        self.intake.arrive(message, hops)

    def begin(self, message: Message, hops: int) -> None:
        """Make a message active that is in no state yet."""
        if message.time_to_live is not None and self.dead_letters:
            message.expires_at = message.enqueued_at + message.time_to_live
        message.state = State.ACTIVE
        if self.sessions and message.session_id is None and self.dead_letters:
            self.dead_letters.bury(message, *admission.NO_SESSION)
        else:
            self.take(message, hops)

    def take(self, message: Message, hops: int = 0) -> None:
        """An active message, with its number and times as they are."""
        self.hold(message)
        self._offer(message, hops)

    def cancel(self, sequence_numbers: Iterable[int]) -> None:
        """Take back scheduled messages. Raises MessageNotFound, and then none is."""
        self.intake.cancel(sequence_numbers)

    # -- the queue itself

    def check_receivers(self) -> None:
        """Raises why nobody may receive now."""
        if self.gone:
            raise self.gone
        admission.check_receiving(self.settings)

    @property
    def has_receivers(self) -> bool:
        return self._dispatch.consumers > 0

    def change(self, settings: QueueSettings) -> None:
        """Be as told from now on; sessions and duplicate detection can't come or go."""
        self.settings = settings
        self.locks.seconds = settings.lock_seconds
        if self.sessions:
            self.sessions.lock_seconds = settings.lock_seconds
        self.intake.change(settings.duplicate_window)
        try:
            self.check_receivers()
        except ServiceBusError as error:
            self._dispatch.end(error)
        if settings.forward_to is not None:
            self.open()

    def end(self, error: ServiceBusError) -> None:
        """It is deleted."""
        self.gone = error
        self._dispatch.end(error)
        self.locks.clear()
        self.stop()

    # -- out

    def credit(self, consumer: Any) -> None:
        """The consumer's credit has changed: deliver what there is."""
        self.accessed_at = self._clock.now()
        self._dispatch.credit(consumer)

    def leave(self, consumer: Any, *, failed: bool = False) -> None:
        """The consumer is gone. Messages it locked stay so, unless it held a session."""
        self._dispatch.leave(consumer, failed=failed)

    def _hand(self, consumer: Consumer, sequence_number: int) -> None:
        message = self.messages[sequence_number]
        self.calls["receive"] += 1
        if consumer.removes:
            self.drop(message)
        else:
            self.locks.add(message)
        consumer.deliver(message)

    def receive_deferred(
        self, sequence_numbers: Iterable[int], *, remove: bool, session: str | None
    ) -> list[Message]:
        """Deferred messages, of the session if one is named, locked or removed.

        Raises MessageNotFound, and then none is.
        """
        numbers = dict.fromkeys(sequence_numbers)
        found = [self.held.in_state(number, State.DEFERRED) for number in numbers]
        if any(session not in (None, message.session_id) for message in found):
            raise MessageNotFound("A message with such a sequence number in this session")
        for message in found:
            self.calls["receive"] += 1
            if remove:
                self.drop(message)
            else:
                self.locks.add(message)
        return found

    def peek(self, from_sequence_number: int, limit: int, session: str | None) -> list[Message]:
        """Messages in any state, by sequence number; nothing is locked."""
        self.accessed_at = self._clock.now()
        return self.held.peek(from_sequence_number, limit, session)

    # -- settling: all raise LockLost

    def complete(self, token: bytes) -> None:
        self.calls["complete"] += 1
        if message := self.locks.completed(token):
            self.drop(message)

    def abandon(self, token: bytes) -> None:
        """Deliver it again, counted."""
        self.calls["abandon"] += 1
        self._unlock(self.locks.under(token), failed=True)

    def release(self, token: bytes) -> None:
        """Deliver it again as if it had not been."""
        self.calls["release"] += 1
        self._unlock(self.locks.under(token), failed=False)

    def defer(self, token: bytes) -> None:
        """Keep it for whoever asks for its sequence number."""
        self.calls["defer"] += 1
        message = self.locks.under(token)
        message.state = State.DEFERRED
        self._unlock(message, failed=True)

    def dead_letter(self, token: bytes, reason: str | None, description: str | None) -> None:
        self.calls["dead_letter"] += 1
        self._bury(self.locks.under(token), reason, description)

    def renew(self, token: bytes) -> float:
        """Until when the message is locked now."""
        self.calls["renew_lock"] += 1
        return self.locks.renew(token)

    # -- leaving a lock or the queue

    def _unlock(self, message: Message, *, failed: bool) -> None:
        self.locks.remove(message)
        message.delivery_count += failed
        limit = self.settings.max_delivery_count
        if message.state is State.DEFERRED:
            self.held.change(message)
        elif limit is not None and message.delivery_count >= limit:
            self._bury(
                message,
                "MaxDeliveryCountExceeded",
                f"Message could not be consumed after {limit} delivery attempts.",
            )
        elif message.expires_at is not None and message.expires_at <= self._clock.now():
            self._expired(message)
        else:
            if failed:
                self.held.change(message)
            self._offer(message)

    def _lock_expired(self, message: Message) -> None:
        self._unlock(message, failed=True)

    def _release_all(self, session: Session, failed: bool) -> None:
        for message in list(session.locked.values()):
            self._unlock(message, failed=failed)

    def _expired(self, message: Message) -> None:
        """Its time to live is over; while it is locked or deferred that waits."""
        if message.lock or message.state is not State.ACTIVE:
            return
        if self.settings.dead_letter_expired:
            self._bury(message, "TTLExpiredException", "The message expired and was dead lettered.")
        else:
            self.drop(message)

    def _bury(self, message: Message, reason: str | None, description: str | None) -> None:
        self.drop(message)
        (self.dead_letters or self).bury(message, reason, description)

    def bury(self, message: Message, reason: str | None, description: str | None) -> None:
        """Take in a message that is given up, with the reason; it has no time to live here."""
        extra = {"DeadLetterReason": reason, "DeadLetterErrorDescription": description}
        message.content = with_application_properties(message, extra)
        message.state, message.expires_at = State.ACTIVE, None
        self.take(message)

    def hold(self, message: Message) -> None:
        self.held.add(message)
        if self.sessions:
            self.sessions.joined(message)

    def _offer(self, message: Message, hops: int = 0) -> None:
        if self.settings.forward_to is None:
            self._dispatch.offer(message)
        else:
            self.drop(message)
            self._forward(self, message, hops)

    def drop(self, message: Message) -> None:
        self.locks.remove(message)
        self.held.remove(message)
        if message.state is State.ACTIVE:
            self._dispatch.withdraw(message)
        if self.sessions:
            self.sessions.left(message)
