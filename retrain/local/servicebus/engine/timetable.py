"""What is due when: one timer for any number of entries, none while there are none.

Entries are dropped lazily, since nearly every lock is released long before it would expire: the
heap is rebuilt when most of it is stale, and the timer may find that nothing is due.
"""

import heapq
from collections.abc import Callable
from typing import Generic, TypeVar

from retrain.local.servicebus.engine.clock import Clock, Timer

Key = TypeVar("Key")

#: Below this size stale entries are not worth a rebuild.
_SMALL = 64


class Timetable(Generic[Key]):
    """Calls `due(key)` for each key whose time has come, in order of time."""

    def __init__(self, clock: Clock, due: Callable[[Key], None]) -> None:
        self._clock = clock
        self._due = due
        self._when: dict[Key, float] = {}
        self._heap: list[tuple[float, int, Key]] = []
        self._entries = 0  # breaks ties, since keys need not compare
        self._timer: Timer | None = None
        self._timer_at = 0.0

    def __len__(self) -> int:
        return len(self._when)

    def set(self, key: Key, when: float) -> None:
        """Note when the key is due, in epoch seconds; an earlier note on it is void."""
        self._when[key] = when
        self._entries += 1
        heapq.heappush(self._heap, (when, self._entries, key))
        if len(self._heap) > _SMALL and len(self._heap) > 4 * len(self._when):
            self._rebuild()
        if self._timer is None or when < self._timer_at:
            self._arm(when)

    def drop(self, key: Key) -> None:
        self._when.pop(key, None)

    def stop(self) -> None:
        """Forget everything."""
        self._when.clear()
        self._heap.clear()
        if self._timer:
            self._timer.cancel()
            self._timer = None

    def _rebuild(self) -> None:
        live = [entry for entry in self._heap if self._when.get(entry[2]) == entry[0]]
        heapq.heapify(live)
        self._heap = live

    def _arm(self, when: float) -> None:
        if self._timer:
            self._timer.cancel()
        self._timer_at = when
        self._timer = self._clock.call_at(when, self._ring)

    def _ring(self) -> None:
        self._timer = None
        now = self._clock.now()
        while self._heap:
            when, _, key = self._heap[0]
            if self._when.get(key) != when:
                heapq.heappop(self._heap)
                continue
            if when > now:
                self._arm(when)
                return
            heapq.heappop(self._heap)
            del self._when[key]
            self._due(key)
