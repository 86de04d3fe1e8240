"""Keeps a lock while a function runs: renewed at half its time, as long as that is allowed."""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Any

log = logging.getLogger(__name__)

#: Renewal is due when this part of the lock's time has gone.
_RENEW_AT = 0.5


class Renewal:
    """Renews one lock until stopped, or until the longest renewal has passed."""

    def __init__(
        self, renew: Callable[[], Awaitable[None]], until: Callable[[], Any], longest: float
    ) -> None:
        self._renew = renew
        self._until = until
        self._give_up = time.time() + longest
        self._task: asyncio.Task[None] | None = None
        # No task for the many functions that are done long before: only a timer.
        self._timer: asyncio.TimerHandle | None = None
        self._plan()

    def stop(self) -> None:
        if self._timer:
            self._timer.cancel()
        if self._task:
            self._task.cancel()

    def _plan(self) -> None:
        left = epoch(self._until()) - time.time()
        wait = max(0.0, left * _RENEW_AT)
        if time.time() + wait < self._give_up:
            loop = asyncio.get_running_loop()
            self._timer = loop.call_later(wait, self._begin)

    def _begin(self) -> None:
        self._task = asyncio.create_task(self._once())

    async def _once(self) -> None:
        try:
            await self._renew()
        except Exception as error:  # noqa: BLE001 - a lost lock: the message comes again
            log.warning("a lock can't be renewed: %s", error)
            return
        self._plan()


def epoch(moment: Any) -> float:
    """A moment, which listeners give in either form, in epoch seconds."""
    return moment.timestamp() if isinstance(moment, datetime) else float(moment)
