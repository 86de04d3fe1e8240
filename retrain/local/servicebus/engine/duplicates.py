"""Duplicate detection: message ids seen within a window; the later message is dropped silently."""

from typing import Any


class Duplicates:
    """Ids by when they are forgotten. The window is constant, so ids expire in the order they came.

    window: seconds.
    """

    def __init__(self, window: float) -> None:
        self._window = window
        self._until: dict[Any, float] = {}

    def restore(self, message_id: Any, until: float) -> None:
        """Known from before a restart; call in the order of `until`."""
        self._until[message_id] = until

    def seen(self, message_id: Any) -> bool:
        return message_id in self._until

    def remember(self, message_id: Any, now: float) -> float:
        """Note an id; returns until when."""
        self._until[message_id] = until = now + self._window
        return until

    def expire(self, now: float) -> list[Any]:
        """Forget what is past the window; returns the ids."""
        gone = []
        for message_id, until in self._until.items():
            if until > now:
                break
            gone.append(message_id)
        for message_id in gone:
            del self._until[message_id]
        return gone
