"""The service's own time: the intervals it prescribes can be made to pass faster than the clock.

Nobody wants to wait five minutes, the shortest interval of autoscaling, to see a pool scale.
"""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta


class Clock:
    """Runs `speed` times as fast as the wall clock, from where that stood when it was made."""

    def __init__(self, speed: float = 1.0) -> None:
        if speed <= 0:
            raise ValueError(f"A clock can't run {speed} times as fast: more than 0 is expected")
        self._speed = speed
        self._began = datetime.now(UTC)
        self._tick = time.monotonic()

    def now(self) -> datetime:
        """The service's time, aware, in UTC."""
        passed = time.monotonic() - self._tick
        return self._began + timedelta(seconds=passed * self._speed)

    def real(self, seconds: float) -> float:
        """So many seconds of the service, in real ones."""
        return seconds / self._speed
