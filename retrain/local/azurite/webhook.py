"""Blob events for a Functions host in another process: posted until it has dealt with each.

Event Grid's part in the cloud. What has no 200 yet holds back the mark of `BlobEvents`, so it is
told again after a kill of either side.
"""

import asyncio
import logging
from typing import Final

import httpx

from retrain.local.azurite.access_log import BlobCreated

log = logging.getLogger(__name__)

#: Between two tries of one event, in seconds; the last one for ever.
PAUSES: Final = (0.2, 0.5, 1.0, 2.0)
#: A function may run for ten minutes, and its event is dealt with when it has ended.
_PATIENCE: Final = httpx.Timeout(900.0, connect=5.0)
_AT_ONCE: Final = 64


class Webhook:
    """Posts events to one address. `told` counts those that were dealt with."""

    def __init__(self, url: str) -> None:
        self.told = 0
        self._url = url
        limits = httpx.Limits(max_connections=_AT_ONCE, keepalive_expiry=30)
        self._http = httpx.AsyncClient(timeout=_PATIENCE, trust_env=False, limits=limits)
        self._turns = asyncio.Semaphore(_AT_ONCE)

    async def __call__(self, blob: BlobCreated) -> None:
        """Returns when the event is dealt with."""
        tries = 0
        while not await self._post(blob):
            await asyncio.sleep(PAUSES[min(tries, len(PAUSES) - 1)])
            tries += 1
        self.told += 1

    async def close(self) -> None:
        await self._http.aclose()

    async def _post(self, blob: BlobCreated) -> bool:
        async with self._turns:
            try:
                response = await self._http.post(self._url, json=[event_of(blob)])
            except httpx.HTTPError as error:
                log.info("blob %s/%s can't be told: %s", blob.container, blob.name, error)
                return False
        if not response.is_success:
            log.warning(
                *("blob %s/%s: the webhook answered %s", blob.container, blob.name),
                response.status_code,
            )
        return response.is_success


SUBJECT: Final = "/blobServices/default/containers/"
CREATED: Final = "Microsoft.Storage.BlobCreated"


def event_of(blob: BlobCreated) -> dict[str, object]:
    """What Event Grid would post of it, as far as anybody here reads it."""
    return {
        "eventType": CREATED,
        "subject": f"{SUBJECT}{blob.container}/blobs/{blob.name}",
        "data": {"api": "PutBlob"},
        "dataVersion": "",
    }
