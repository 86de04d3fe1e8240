"""Who may settle a message: whoever knows the token of its lock, until the lock runs out.

In a queue with sessions a message's lock is its session's: it has no time of its own.
"""

from collections.abc import Callable

from retrain.local.servicebus.engine.clock import Clock
from retrain.local.servicebus.engine.misfortune import Misfortune
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
        fate: Misfortune,
        expired: Callable[[Message], None],
    ) -> None:
        self._clock = clock
        self.seconds = seconds
        self._sessions = sessions
        self._by_token: dict[bytes, Message] = {}
        self._fate = fate
        self._expired = expired
        self._expiry = Timetable[bytes](clock, lambda token: expired(self._by_token[token]))
        self._losing = Timetable[bytes](clock, self.lose)

    def stop(self) -> None:
        self._expiry.stop()
        self._losing.stop()

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
        seconds = self._fate.lock_seconds(message) if self._fate.armed else None
        if seconds is not None:
            self._losing.set(token, self._clock.now() + seconds)

    def under(self, token: bytes) -> Message:
        """Raises LockLost."""
        message = self._by_token.get(token)
        if message is None:
            raise LockLost
        return message

    def completed(self, token: bytes) -> Message | None:
        """As `under`; None when the message is to come again all the same."""
        message = self.under(token)
        if self._fate.armed and self._fate.comes_again(message):
            self._expired(message)
            return None
        return message

    def lose(self, token: bytes) -> None:
        """End a lock before its time; its session's if it has one. Nothing when it has ended."""
        message = self._by_token.get(token)
        if message is None:
            return
        if self._sessions and message.session_id is not None:
            self._sessions.lose(message.session_id)
        else:
            self._expired(message)

    def lose_all(self) -> int:
        """End every lock and every session's, before their time; how many there were."""
        tokens = list(self._by_token)
        for token in tokens:
            self.lose(token)
        return len(tokens) + (self._sessions.lose_all() if self._sessions else 0)

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
