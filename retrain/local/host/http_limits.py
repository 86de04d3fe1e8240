"""extensions.http's limits: so many requests at once, so many in all; the rest get 429."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, nullcontext


class TooManyRequests(Exception):
    """maxOutstandingRequests are under way or wait already."""


class HttpLimits:
    """None is no limit. Outstanding are those that run and those that wait to."""

    def __init__(self, concurrent: int | None, outstanding: int | None) -> None:
        self._running = asyncio.Semaphore(concurrent) if concurrent else nullcontext()
        self._most = outstanding
        self._outstanding = 0

    @asynccontextmanager
    async def slot(self) -> AsyncIterator[None]:
        """Room for one request. Raises TooManyRequests at once when there is none."""
        if self._most is not None and self._outstanding >= self._most:
            raise TooManyRequests
        self._outstanding += 1
        try:
            async with self._running:
                yield
        finally:
            self._outstanding -= 1
