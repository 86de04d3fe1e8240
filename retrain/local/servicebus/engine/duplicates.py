"""Duplicate detection: message ids seen within a window; the later message is dropped silently."""

from collections import deque
from typing import Any

from retrain.local.servicebus.store import QueueStore


class Duplicates:
    """Ids by when they are forgotten. The window is constant, so ids expire in the order they came.

    window: seconds.
    """

    def __init__(self, window: float, store: QueueStore) -> None:
        self.window = window
        self._store = store
        self._known: set[Any] = set()
        self._line: deque[tuple[float, Any]] = deque()  # until when, in that order

    def restore(self) -> None:
        """Take up what the store remembers."""
        for message_id, until in self._store.duplicates():
            self._note(message_id, until)

    def seen(self, message_id: Any, now: float) -> bool:
        """Whether the id came within the window; if not, it has come now."""
        self._expire(now)
        if message_id in self._known:
            return True
        self._note(message_id, now + self.window)
        self._store.remember(message_id, now + self.window)
        return False

    def _note(self, message_id: Any, until: float) -> None:
        self._known.add(message_id)
        self._line.append((until, message_id))

    def _expire(self, now: float) -> None:
        while self._line and self._line[0][0] <= now:
            _, message_id = self._line.popleft()
            self._known.remove(message_id)
            self._store.forget(message_id)
