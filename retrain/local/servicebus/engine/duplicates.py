"""Duplicate detection: message ids seen within a window; the later message is dropped silently."""

from typing import Any

from retrain.local.servicebus.store import QueueStore


class Duplicates:
    """Ids by when they are forgotten. The window is constant, so ids expire in the order they came.

    window: seconds.
    """

    def __init__(self, window: float, store: QueueStore) -> None:
        self._window = window
        self._store = store
        self._until: dict[Any, float] = {}

    def restore(self) -> None:
        """Take up what the store remembers."""
        self._until.update(self._store.duplicates())

    def seen(self, message_id: Any, now: float) -> bool:
        """Whether the id came within the window; if not, it has come now."""
        self._expire(now)
        if message_id in self._until:
            return True
        self._until[message_id] = until = now + self._window
        self._store.remember(message_id, until)
        return False

    def _expire(self, now: float) -> None:
        gone = []
        for message_id, until in self._until.items():
            if until > now:
                break
            gone.append(message_id)
        for message_id in gone:
            del self._until[message_id]
            self._store.forget(message_id)
