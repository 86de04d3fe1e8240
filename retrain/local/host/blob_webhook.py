"""Events of a Blob service that runs elsewhere, posted to this host as Event Grid posts them.

    POST /runtime/webhooks/blobs?code=MASTER     [{"eventType": "Microsoft.Storage.BlobCreated", …}]

The answer comes when the event is dealt with: 200, or 503 when the host stops before that. The
sender keeps what has no 200, and posts it again, also to the host's next life; so nothing is kept
here. One subscription serves all blob functions: the paths of their bindings filter.
"""

import asyncio
import json
from collections.abc import Iterable, Sequence
from typing import Final

from retrain.local.azurite import BlobCreated
from retrain.local.azurite.rest import BlobReader
from retrain.local.azurite.webhook import CREATED, SUBJECT
from retrain.local.host.blob_service import Subscriber

PATH: Final = "/runtime/webhooks/blobs"


class BlobWebhook:
    """The feed of a service elsewhere: tells of what is posted while it runs."""

    def __init__(self) -> None:
        self._subscribers: list[tuple[Subscriber, frozenset[str]]] = []
        self._running = False
        self._telling: set[asyncio.Task[None]] = set()

    def subscribe(self, subscriber: Subscriber, containers: Iterable[str]) -> None:
        self._subscribers.append((subscriber, frozenset(containers)))

    async def start(self) -> None:
        self._running = True

    async def stop(self) -> None:
        """What is under way is not dealt with, and its sender is told so."""
        self._running = False
        for task in self._telling:
            task.cancel()

    async def posted(self, body: bytes) -> int:
        """Deal with the events of a request; its answer's status."""
        try:
            events = _read(body)
        except (ValueError, LookupError, TypeError, AttributeError):
            return 400
        if not self._running:
            return 503
        task = asyncio.create_task(self._all(events))
        self._telling.add(task)
        try:
            await asyncio.wait({task})
        finally:
            self._telling.discard(task)
        if task.cancelled():
            return 503
        return 500 if task.exception() else 200

    async def _all(self, events: Sequence[BlobCreated]) -> None:
        await asyncio.gather(*(self._tell(event) for event in events))

    async def _tell(self, event: BlobCreated) -> None:
        for subscriber, containers in self._subscribers:
            if event.container in containers:
                await subscriber(event)


class RemoteBlobs:
    """A Blob service that somebody else runs. url: the account's, path-style."""

    def __init__(self, url: str) -> None:
        self.reader = BlobReader(url)
        self.events = BlobWebhook()


def blob_url(connection_string: str) -> str:
    """The account's address in a connection string. Raises ValueError when there is none."""
    parts = dict(part.split("=", 1) for part in connection_string.split(";") if "=" in part)
    if "BlobEndpoint" not in parts:
        raise ValueError(
            "The connection string of Blob Storage names no BlobEndpoint; give the one that "
            "`python -m retrain.local.azurite` prints."
        )
    return parts["BlobEndpoint"]


def _read(body: bytes) -> Sequence[BlobCreated]:
    return [_blob(one["subject"]) for one in json.loads(body) if one["eventType"] == CREATED]


def _blob(subject: str) -> BlobCreated:
    if not subject.startswith(SUBJECT):
        raise ValueError(subject)
    container, _, name = subject.removeprefix(SUBJECT).partition("/blobs/")
    return BlobCreated(container, name)
