"""What this host asks of a Blob service: Azurite as our child fits, and so does one elsewhere."""

from collections.abc import Awaitable, Callable, Iterable
from typing import Protocol

from retrain.local.azurite import BlobCreated
from retrain.local.azurite.rest import BlobReader

#: Told of a blob; returns when the event is dealt with.
Subscriber = Callable[[BlobCreated], Awaitable[None]]


class BlobFeed(Protocol):
    """Where blob events come from."""

    def subscribe(self, subscriber: Subscriber, containers: Iterable[str]) -> None: ...
    async def start(self) -> None: ...
    async def stop(self) -> None: ...


class BlobService(Protocol):
    """One account: its events, and its blobs."""

    @property
    def reader(self) -> BlobReader: ...
    @property
    def events(self) -> BlobFeed: ...
