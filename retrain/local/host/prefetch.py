"""prefetchCount: messages received before anybody asks for them.

On one machine there is no round trip to hide, so 0, the default, costs nothing. What more does in
Azure it does here too: a message that waits in the buffer is locked all the while, and comes to its
function with a lock half used up, or lost.
"""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress

from retrain.local.host.queues import Delivery

Receive = Callable[[], Awaitable[Delivery]]


class Prefetch:
    """Holds up to `count` messages that `receive` brought; `count` is at least 1."""

    def __init__(self, receive: Receive, count: int) -> None:
        self._receive = receive
        self._room = asyncio.Semaphore(count)
        self._held: asyncio.Queue[Delivery | Exception] = asyncio.Queue()
        self._filling = asyncio.create_task(self._fill())

    async def next(self) -> Delivery:
        """The oldest that is held; waits for one. Raises what receiving raised."""
        held = await self._held.get()
        self._room.release()
        if isinstance(held, Exception):
            raise held
        return held

    async def close(self) -> None:
        """Receive no more, and give back what is held as if it had not been delivered."""
        self._filling.cancel()
        await asyncio.gather(self._filling, return_exceptions=True)
        while not self._held.empty():
            held = self._held.get_nowait()
            if not isinstance(held, Exception):
                with suppress(Exception):  # its lock is lost: it comes again anyway
                    held.release()

    async def _fill(self) -> None:
        while True:
            await self._room.acquire()
            try:
                self._held.put_nowait(await self._receive())
            except Exception as error:  # noqa: BLE001 - whoever asks next is told
                self._held.put_nowait(error)
