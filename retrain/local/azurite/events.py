"""From Azurite's log to whoever wants to know that a blob was made, missing none.

A *mark* in the data folder says up to when every event was dealt with. An event is dealt with when
the subscriber's coroutine returns; the mark never passes the oldest one that has not. At start the
containers are listed once, and blobs changed since the mark are told again. So an event may come
twice (after a kill, or when it fell into the mark's last seconds), and never not at all.
"""

import asyncio
import json
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx

from retrain.local.azurite.access_log import BlobCreated
from retrain.local.azurite.rest import BlobReader, BlobServiceRefused

log = logging.getLogger(__name__)

#: Told of each blob; the event counts as dealt with when the awaitable ends, however it ends.
Subscriber = Callable[[BlobCreated], Awaitable[None]]

#: Last-Modified has whole seconds, and a busy machine reads the log a little after the write.
SLACK = timedelta(seconds=5)
#: How often the mark is written, in seconds, while events come.
_MARK_EVERY = 1.0
#: After a listing that failed, in seconds.
_LIST_AGAIN = 1.0


class BlobEvents:
    """Passes blob events to subscribers and remembers, on disk, how far it got."""

    def __init__(self, reader: BlobReader, mark_file: Path) -> None:
        self._reader = reader
        self._file = mark_file
        self._subscribers: list[tuple[Subscriber, frozenset[str]]] = []
        self._underway: dict[asyncio.Task[None], datetime] = {}
        self._marking: asyncio.Task[None] | None = None
        self._running = False
        # While a listing is under way the mark may not pass where it began.
        self._listed_from: datetime | None = None
        self._listing: asyncio.Task[None] | None = None

    def subscribe(self, subscriber: Subscriber, containers: Iterable[str]) -> None:
        """Tell `subscriber` of every blob made in these containers. Call before `start`."""
        self._subscribers.append((subscriber, frozenset(containers)))

    async def start(self) -> None:
        """Tell of what was made since the mark, and from now on of all that is published."""
        self._running = True
        self.repeat()

    def repeat(self) -> None:
        """Tell of what was made since the mark: its events may not have come, or not been heard.

        Returns at once; containers are listed in the background.
        """
        if not self._running:
            return
        if self._listing:
            self._listing.cancel()
        self._listed_from = self.ensure_mark()
        self._listing = asyncio.ensure_future(self._list(self._listed_from))

    async def _list(self, since: datetime) -> None:
        wanted = frozenset[str]().union(*(names for _, names in self._subscribers))
        while self._listed_from:
            try:
                async for event, modified in self._changed(since, wanted):
                    log.info("blob %s/%s may not be known yet", event.container, event.name)
                    self.publish(event, modified)
                self._listed_from = None
            except (httpx.HTTPError, BlobServiceRefused) as error:
                log.warning("blobs made since %s can't be listed, trying again: %s", since, error)
                await asyncio.sleep(_LIST_AGAIN)

    def ensure_mark(self) -> datetime:
        """The mark; made now when there is none: what is older than the first start is no event."""
        mark = self.read_mark()
        if mark is None:
            mark = datetime.now(UTC)
            self._write_mark(mark)
        return mark

    async def stop(self, patience_seconds: float = 0) -> None:
        """Take in no more, let subscribers finish for so long, and write the mark.

        What is cut off, and what comes from now on, is told again after the next start. Nobody is
        subscribed any more.
        """
        if not self._running:
            return
        self._running = False
        stopped = datetime.now(UTC)
        if self._underway and patience_seconds:
            await asyncio.wait(self._underway, timeout=patience_seconds)
        self._write_mark(self._dealt_with(stopped))
        self._subscribers.clear()
        tasks = [*self._underway, *(task for task in (self._marking, self._listing) if task)]
        self._marking = self._listing = None
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def publish(self, event: BlobCreated, at: datetime | None = None) -> None:
        """Tell the subscribers of one event; returns at once.

        at: when the blob was made, if that was long ago: should we be killed before the event is
        dealt with, the mark must not have passed it.
        """
        if not self._running:
            return
        for subscriber, containers in self._subscribers:
            if event.container in containers:
                task = asyncio.ensure_future(_tell(subscriber, event))
                self._underway[task] = at or datetime.now(UTC)
                task.add_done_callback(self._told)
        if self._underway and self._marking is None:
            self._marking = asyncio.ensure_future(self._keep_mark())

    async def _changed(
        self, since: datetime, containers: Iterable[str]
    ) -> AsyncIterator[tuple[BlobCreated, datetime]]:
        """The blobs of these containers that were made or changed after `since`, and when."""
        for container in sorted(containers):
            async for blob in self._reader.blobs(container):
                if blob.modified >= since - SLACK:
                    yield BlobCreated(container, blob.name), blob.modified

    def read_mark(self) -> datetime | None:
        """Up to when every event was dealt with; None when that was never written."""
        with suppress(FileNotFoundError, ValueError, KeyError):
            return datetime.fromisoformat(json.loads(self._file.read_text())["dealt_with_until"])
        return None

    async def _keep_mark(self) -> None:
        while True:
            # What was logged during the pause may not have been read by its end.
            until = datetime.now(UTC)
            await asyncio.sleep(_MARK_EVERY)
            if self._running:
                self._write_mark(self._dealt_with(until))
            if not self._underway:
                self._marking = None
                return

    def _dealt_with(self, until: datetime) -> datetime:
        listing = [self._listed_from] if self._listed_from else []
        return min([until, *listing, *self._underway.values()])

    def _told(self, task: asyncio.Task[None]) -> None:
        # A cancelled event was not dealt with: stop() has written the mark already.
        self._underway.pop(task, None)

    def _write_mark(self, mark: datetime) -> None:
        self._file.parent.mkdir(parents=True, exist_ok=True)
        fresh = self._file.with_suffix(".new")
        fresh.write_text(json.dumps({"dealt_with_until": mark.isoformat()}))
        fresh.replace(self._file)  # whole or not at all, whenever we are killed


async def _tell(subscriber: Subscriber, event: BlobCreated) -> None:
    try:
        await subscriber(event)
    except Exception:
        log.exception("blob %s/%s: the subscriber failed", event.container, event.name)
