"""When files that land become a run: each at once, or many together."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

#: The store tells when a blob was written in whole seconds, rounded down.
_ROUNDED: Final = timedelta(seconds=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Gathering:
    """quiet: no file may have landed for so long.  longest: the first file waits so long at most.
    least, most: files of a run.  marked: they also wait for somebody to say that they are all."""

    quiet: timedelta
    longest: timedelta | None
    least: int
    most: int
    marked: bool = False

    def due(self, landed: Sequence[datetime]) -> datetime | None:
        """When the files that have landed so far are a run; None: not before something happens.

        landed: when each of them did, at least one, in any order.
        """
        first, last = min(landed), max(landed)
        if len(landed) >= self.most:
            return first
        ends = []
        if len(landed) >= self.least and not self.marked:
            ends.append(last + self.quiet + _ROUNDED if self.quiet else last)
        if self.longest is not None:
            ends.append(first + self.longest)
        return min(ends, default=None)
