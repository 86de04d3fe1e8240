"""Who may settle a message: whoever knows the token of its lock, until the lock runs out.

In a queue with sessions a message's lock is its session's: it has no time of its own.
"""

from collections.abc import Callable

from retrain.local.servicebus.engine.clock import Clock
from retrain.local.servicebus.engine.sessions import Sessions
from retrain.local.servicebus.engine.timetable import Timetable
from retrain.local.servicebus.errors import LockLost
from retrain.local.servicebus.messages import Lock, Message, new_token


class Locks:
    """The locked messages of one queue. `expired` is called with one whose lock has run out."""

    def __init__(
        self,
        clock: Clock,
        seconds: float,
        sessions: Sessions | None,
        expired: Callable[[Message], None],
    ) -> None:
        self._clock = clock
        self.seconds = seconds
        self._sessions = sessions
        self._by_token: dict[bytes, Message] = {}
        self._expiry = Timetable[bytes](clock, lambda token: expired(self._by_token[token]))

    def stop(self) -> None:
        self._expiry.stop()

    def clear(self) -> None:
        """Whoever holds one has lost it."""
        self._by_token.clear()

    def add(self, message: Message) -> None:
        """Lock a message; its session, if any, is held."""
        token = new_token()
        if self._sessions:
            session = self._sessions.get(message.session_id)
            message.lock = Lock(token, session.until, session.id)
            session.locked[token] = message
        else:
            until = self._clock.now() + self.seconds
            message.lock = Lock(token, until)
            self._expiry.set(token, until)
        self._by_token[token] = message

    def under(self, token: bytes) -> Message:
        """Raises LockLost."""
        message = self._by_token.get(token)
        if message is None:
            raise LockLost
        return message

    def renew(self, token: bytes) -> float:
        """Until when the message is locked now. Raises LockLost."""
        lock = self.under(token).lock
        assert lock is not None
        if lock.session is None:
            lock.until = self._clock.now() + self.seconds
            self._expiry.set(token, lock.until)
        return lock.until

    def remove(self, message: Message) -> None:
        """Nothing when it is not locked."""
        lock, message.lock = message.lock, None
        if lock is None:
            return
        del self._by_token[lock.token]
        if lock.session is None:
            self._expiry.drop(lock.token)
        elif self._sessions:
            self._sessions.get(lock.session).locked.pop(lock.token, None)
