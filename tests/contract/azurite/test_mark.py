"""How far the mark may go: never past an event that nobody has dealt with."""

import asyncio
import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

from retrain.local.azurite import BlobCreated, BlobEvents
from retrain.local.azurite.events import SLACK
from retrain.local.azurite.rest import BlobEntry, BlobReader
from tests.contract.azurite.service import mark

HOUR = timedelta(hours=1)
NOW = datetime.now(UTC).replace(microsecond=0)
LANDED = NOW - HOUR


class Listing(BlobReader):
    """A container with one blob, which landed an hour ago."""

    def __init__(self) -> None:
        super().__init__("http://127.0.0.1:1/account")

    async def blobs(self, container: str, prefix: str = "") -> AsyncIterator[BlobEntry]:
        yield BlobEntry("early.csv", LANDED)


async def life(folder: Path, *, deals: bool) -> list[str]:
    """From a start to a stop, as a kill would leave it; what was told."""
    told = []
    heard = asyncio.Event()

    async def subscriber(event: BlobCreated) -> None:
        told.append(event.name)
        heard.set()
        if not deals:
            await asyncio.Event().wait()

    reader = Listing()
    events = BlobEvents(reader, folder / "events.json")
    events.subscribe(subscriber, ["data"])
    await events.start()
    await asyncio.wait_for(heard.wait(), 60)
    if deals:
        await asyncio.sleep(0)  # the subscriber returns
    await events.stop()
    await reader.close()
    return told


def test_what_is_told_late_keeps_its_age_until_it_is_dealt_with(tmp_path: Path) -> None:
    """A blob landed while nobody listened; each life that was told of it is killed at that."""
    begun = (LANDED - HOUR).isoformat()
    (tmp_path / "events.json").write_text(json.dumps({"dealt_with_until": begun}))
    for _ in range(3):
        assert asyncio.run(life(tmp_path, deals=False)) == ["early.csv"]
        assert mark(tmp_path) <= LANDED + SLACK
    assert asyncio.run(life(tmp_path, deals=True)) == ["early.csv"]
    assert mark(tmp_path) > LANDED + SLACK
