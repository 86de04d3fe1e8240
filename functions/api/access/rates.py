"""How often one caller may ask: so many requests a minute, on each instance of the app."""

from collections import OrderedDict
from dataclasses import dataclass, field
from threading import Lock
from typing import Final

#: Callers that are remembered; the longest silent is forgotten first, and has its full allowance.
MOST: Final = 10_000


@dataclass(slots=True)
class Rates:
    """A bucket for each caller, of a minute's allowance. a_minute: 0 is no limit."""

    a_minute: int
    _buckets: "OrderedDict[str, tuple[float, float]]" = field(default_factory=OrderedDict)
    _lock: Lock = field(default_factory=Lock)

    def wait(self, caller: str, now: float) -> float:
        """Take one request out of the caller's bucket; seconds until there is one, 0 if it is.

        now: seconds of any clock that doesn't go back.
        """
        if not self.a_minute:
            return 0.0
        with self._lock:
            left, since = self._buckets.pop(caller, (float(self.a_minute), now))
            left = min(float(self.a_minute), left + (now - since) * self.a_minute / 60)
            granted = left >= 1
            self._buckets[caller] = (left - granted, now)
            while len(self._buckets) > MOST:
                self._buckets.popitem(last=False)
        return 0.0 if granted else (1 - left) * 60 / self.a_minute
