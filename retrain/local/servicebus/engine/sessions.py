"""Sessions: messages of one id go, in order, to the one consumer that holds the session's lock.

A session exists while it has messages, a state or an owner. Those that wait for an owner stand in
a line, so that "the next available session" costs the same however many there are.
"""

from collections.abc import Callable

from retrain.local.servicebus.engine.clock import Clock, Timer
from retrain.local.servicebus.engine.competing import Hand
from retrain.local.servicebus.engine.consumer import SessionConsumer
from retrain.local.servicebus.engine.ready import Ready
from retrain.local.servicebus.engine.timetable import Timetable
from retrain.local.servicebus.errors import (
    NoSession,
    ServiceBusError,
    SessionLockLost,
    SessionTaken,
)
from retrain.local.servicebus.messages import Message
from retrain.local.servicebus.store import QueueStore

#: Told what came of waiting for a session: it, or why not.
Accepted = Callable[["Session | ServiceBusError"], None]
#: Gives a session's locked messages back to the queue; True counts the delivery as failed.
Release = Callable[["Session", bool], None]


class Session:
    """until: when the owner's lock runs out, epoch seconds. touched: its state was last set."""

    __slots__ = ("id", "locked", "messages", "owner", "ready", "state", "touched", "until")

    def __init__(self, id_: str) -> None:
        self.id = id_
        self.owner: SessionConsumer | None = None
        self.until = 0.0
        self.state: bytes | None = None
        self.touched = 0.0
        self.ready = Ready()
        self.messages = 0  # in any state
        self.locked: dict[bytes, Message] = {}  # by lock token

    @property
    def active(self) -> bool:
        """Whether it has messages that are ready or locked."""
        return bool(self.ready) or bool(self.locked)


class Sessions:
    """The sessions of one queue. lock_seconds: how long a session's lock lasts unrenewed."""

    def __init__(
        self, clock: Clock, lock_seconds: float, store: QueueStore, hand: Hand, release: Release
    ) -> None:
        self._clock = clock
        self.lock_seconds = lock_seconds
        self._store = store
        self._hand = hand
        self._release = release
        self.by_id: dict[str, Session] = {}
        self._free: dict[str, None] = {}  # have messages ready and no owner, longest first
        self._owned: dict[SessionConsumer, Session] = {}
        self._waiting: dict[SessionConsumer, tuple[Accepted, Timer | None]] = {}
        self._expiry = Timetable[str](clock, self.lose)
        self._releasing: Session | None = None  # has lost its owner, not yet all its locks

    def restore(self) -> None:
        """Take up the states that the store remembers."""
        for id_, state, touched in self._store.session_states():
            session = self.get(id_)
            session.state, session.touched = state, touched

    def stop(self) -> None:
        self._expiry.stop()
        for _, timer in self._waiting.values():
            if timer:
                timer.cancel()
        self._waiting.clear()

    # -- messages

    def offer(self, message: Message) -> None:
        session = self.get(message.session_id)
        session.ready.push(message.sequence_number)
        self._serve(session)

    def withdraw(self, message: Message) -> None:
        session = self.get(message.session_id)
        session.ready.withdraw(message.sequence_number)
        if not session.ready:
            self._free.pop(session.id, None)

    def joined(self, message: Message) -> None:
        """The queue holds one message more of its session."""
        self.get(message.session_id).messages += 1

    def left(self, message: Message) -> None:
        session = self.get(message.session_id)
        session.messages -= 1
        self._forget(session)

    def credit(self, consumer: SessionConsumer) -> None:
        session = self._owned.get(consumer)
        if session:
            self._serve(session)

    def get(self, id_: str | None) -> Session:
        assert id_ is not None, "a queue with sessions holds only messages with a session id"
        session = self.by_id.get(id_)
        if session is None:
            session = self.by_id[id_] = Session(id_)
        return session

    def _serve(self, session: Session) -> None:
        owner = session.owner
        if owner is None:
            self._make_free(session)
            return
        while session.ready and owner.credit > 0:
            self._hand(owner, session.ready.pop())

    # -- locks

    def accept(self, id_: str, consumer: SessionConsumer) -> Session:
        """Lock a session by its id. Raises SessionTaken."""
        session = self.get(id_)
        if session.owner is not None:
            raise SessionTaken(id_)
        self._own(session, consumer)
        return session

    def accept_next(
        self, consumer: SessionConsumer, accepted: Accepted, timeout: float | None
    ) -> None:
        """Lock the next session that has a message ready, now or within `timeout` seconds."""
        if self._free:
            session = self.by_id[next(iter(self._free))]
            self._own(session, consumer)
            accepted(session)
            return
        timer = None
        if timeout is not None:
            timer = self._clock.call_at(
                self._clock.now() + timeout, lambda: self._give_up(consumer)
            )
        self._waiting[consumer] = (accepted, timer)

    def leave(self, consumer: SessionConsumer, *, failed: bool = False) -> None:
        """The consumer closes its session, or waits for none any more.

        failed: it vanished; what it had locked counts as delivered in vain.
        """
        accepted, timer = self._waiting.pop(consumer, (None, None))
        if accepted and timer:
            timer.cancel()
        session = self._owned.get(consumer)
        if session:
            self._disown(session, failed=failed)

    @property
    def consumers(self) -> int:
        """That have a session, or wait for one."""
        return len(self._owned) + len(self._waiting)

    def end(self, error: ServiceBusError) -> None:
        """Send every consumer away, those that wait for a session too."""
        for consumer, (accepted, _) in list(self._waiting.items()):
            self.leave(consumer)
            accepted(error)
        for consumer in list(self._owned):
            self.leave(consumer)
            consumer.ended(error)

    def held(self, id_: str) -> Session:
        """A session that somebody has locked. Raises SessionLockLost."""
        session = self.by_id.get(id_)
        if session is None or session.owner is None:
            raise SessionLockLost(id_)
        return session

    def of(self, consumer: SessionConsumer | None) -> Session | None:
        """The session that the consumer holds."""
        return self._owned.get(consumer) if consumer else None

    def renew(self, session: Session) -> float:
        """Until when the session is locked now."""
        session.until = self._clock.now() + self.lock_seconds
        self._expiry.set(session.id, session.until)
        for message in session.locked.values():
            if message.lock:
                message.lock.until = session.until
        return session.until

    def set_state(self, session: Session, state: bytes | None) -> None:
        """None: it has none any more."""
        session.state, session.touched = state, self._clock.now()
        self._store.set_state(session.id, state, session.touched)

    def _own(self, session: Session, consumer: SessionConsumer) -> None:
        session.owner = consumer
        self._owned[consumer] = session
        self._free.pop(session.id, None)
        self.renew(session)

    def _disown(self, session: Session, *, failed: bool) -> None:
        assert session.owner is not None
        del self._owned[session.owner]
        session.owner = None
        self._expiry.drop(session.id)
        self._releasing = session  # nobody may have it before all its messages are back
        self._release(session, failed)
        self._releasing = None
        self._make_free(session)
        self._forget(session)

    def lose(self, id_: str) -> None:
        """End a session's lock, now; its owner is told. Nothing when nobody holds it."""
        session = self.by_id.get(id_)
        owner = session.owner if session else None
        if session is None or owner is None:
            return
        self._disown(session, failed=True)
        owner.session_lost(SessionLockLost(id_))

    def lose_all(self) -> int:
        """End the lock of every session; how many there were."""
        held = [session.id for session in self._owned.values()]
        for id_ in held:
            self.lose(id_)
        return len(held)

    def _make_free(self, session: Session) -> None:
        if not session.ready or session.owner is not None or session is self._releasing:
            return
        self._free[session.id] = None
        if self._waiting:
            consumer = next(iter(self._waiting))
            accepted, timer = self._waiting.pop(consumer)
            if timer:
                timer.cancel()
            self._own(session, consumer)
            accepted(session)

    def _give_up(self, consumer: SessionConsumer) -> None:
        waiting = self._waiting.pop(consumer, None)
        if waiting:
            waiting[0](NoSession())

    def _forget(self, session: Session) -> None:
        if session.owner is None and session.state is None and session.messages == 0:
            self.by_id.pop(session.id, None)
