"""Time for the engine: what it is, and a call when it has come. Tests have a clock of their own."""

import asyncio
import time
from collections.abc import Callable
from typing import Protocol


class Timer(Protocol):
    def cancel(self) -> None: ...


class Clock(Protocol):
    def now(self) -> float:
        """Epoch seconds."""

    def call_at(self, when: float, action: Callable[[], None]) -> Timer:
        """Call once, not before `when` as far as timers can tell."""


class LoopClock:
    """The running event loop's timers, set by `now` (epoch seconds)."""

    def __init__(self, now: Callable[[], float] = time.time) -> None:
        self.now = now
        self._loop = asyncio.get_running_loop()

    def call_at(self, when: float, action: Callable[[], None]) -> Timer:
        return self._loop.call_later(max(0.0, when - self.now()), action)
