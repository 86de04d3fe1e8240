"""Services that run elsewhere, for a host that is told so with connection strings."""

from collections.abc import Awaitable, Callable
from functools import cached_property
from typing import TYPE_CHECKING

from retrain.local.host.blob_webhook import RemoteBlobs, blob_url

if TYPE_CHECKING:
    from retrain.local.host.remote_bus import RemoteBus


class Elsewhere:
    """What of Service Bus and Blob Storage is elsewhere; None for what is not.

    Raises ValueError for a connection string that names no Blob service.
    """

    def __init__(self, servicebus: str | None, blob: str | None) -> None:
        self.servicebus = servicebus
        self.blob = blob
        self._url = blob_url(blob) if blob else None

    @cached_property
    def bus(self) -> "RemoteBus | None":
        if self.servicebus is None:
            return None
        # The SDK takes a third of a second to import.
        from retrain.local.host.remote_bus import RemoteBus

        return RemoteBus(self.servicebus)

    @cached_property
    def blobs(self) -> RemoteBlobs | None:
        return RemoteBlobs(self._url) if self._url else None

    @property
    def webhook(self) -> Callable[[bytes], Awaitable[int]] | None:
        """Takes the events of blobs."""
        return self.blobs.events.posted if self.blobs else None

    async def close(self) -> None:
        """Only what was made: nothing is connected for the sake of closing it."""
        made = vars(self)
        if bus := made.get("bus"):
            await bus.close()
        if blobs := made.get("blobs"):
            await blobs.reader.close()
