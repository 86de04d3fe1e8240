"""Blob events for an app that comes and goes: they wait while its code is being reloaded.

The inbox stays subscribed over a reload, so an event that comes meanwhile is neither missed nor
told twice; one that was under way and was not finished in time is told to the app's next life.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable

from retrain.local.azurite import BlobCreated
from retrain.local.host.blob_service import BlobService

#: Deals with an event; False when it could not, so that it is told again.
Reader = Callable[[BlobCreated], Awaitable[bool]]


class BlobInbox:
    """Hands the events of one Blob service to one reader at a time."""

    def __init__(self) -> None:
        self._service: BlobService | None = None
        self._containers: set[str] = set()
        self._reader: Reader | None = None
        self._somebody = asyncio.Event()

    async def attach(self, service: BlobService, reader: Reader, containers: Iterable[str]) -> None:
        """From now on `reader` is told of blobs in these containers, those that wait first."""
        self._reader = reader
        self._somebody.set()
        new = set(containers) - self._containers
        if not new:
            return
        first = not self._containers
        self._containers |= new
        self._service = service
        service.events.subscribe(self._tell, new)
        if first:
            await service.events.start()

    def detach(self) -> None:
        """Nobody is told until somebody attaches."""
        self._reader = None
        self._somebody.clear()

    async def close(self) -> None:
        """Listen no more. Detach first: what was not dealt with is told after the next start."""
        if self._service:
            await self._service.events.stop()
            self._service = None

    async def _tell(self, event: BlobCreated) -> None:
        while True:
            await self._somebody.wait()
            reader = self._reader
            if reader is not None and await reader(event):
                return
