"""Azurite as our child, with the real SDK on the other end."""

import asyncio
import json
import os
import signal
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from azure.core.exceptions import HttpResponseError
from azure.storage.blob import BlobServiceClient

from retrain.local.azurite import (
    AzuriteFailed,
    AzuriteMissing,
    AzuriteServer,
    AzuriteSettings,
    BlobCreated,
    DataFolderInUse,
    find_azurite,
)
from retrain.local.azurite.events import SLACK
from retrain.local.azurite.rest import BlobServiceRefused
from tests.contract.azurite.service import container, listening, mark, put, uploads


def test_events_are_prompt_and_only_of_made_blobs(tmp_path: Path) -> None:
    def odd(client: BlobServiceClient) -> None:
        blob = client.get_blob_client("data", "plain")
        blob.set_blob_metadata({"a": "b"})
        blob.acquire_lease()
        with pytest.raises(HttpResponseError):
            client.get_blob_client("data", "plain").upload_blob(b"2", overwrite=True)
        client.get_blob_client("data", "copy").start_copy_from_url(blob.url)
        client.get_blob_client("data", "append").create_append_blob()
        client.get_blob_client("data", "append").append_block(b"x")

    async def main() -> list[BlobCreated]:
        heard: asyncio.Queue[BlobCreated] = asyncio.Queue()
        async with listening(tmp_path, heard) as server:
            uploads_of = (
                *(container(), container("other")),
                *(put('a b/ü"#%.csv'), put("big", b"x" * 70_000_000), put("x", container="other")),
                *(put("plain"), odd, put("last")),
            )
            await asyncio.to_thread(uploads, server, *uploads_of)
            events = [await asyncio.wait_for(heard.get(), 10)]
            while events[-1].name != "last":
                events.append(await asyncio.wait_for(heard.get(), 10))
            assert server.calls["PUT blob blocklist"] == 1
            assert server.calls["PUT blob block"] == 17
            assert server.calls["PUT container"] == 2
            return events

    names = [event.name for event in asyncio.run(main())]
    assert names == ['a b/ü"#%.csv', "big", "plain", "copy", "append", "last"]


def test_what_landed_while_nobody_listened_is_told_once(tmp_path: Path) -> None:
    async def main() -> None:
        heard: asyncio.Queue[BlobCreated] = asyncio.Queue()
        async with AzuriteServer(AzuriteSettings(tmp_path, port=0)) as alone:
            await asyncio.to_thread(uploads, alone, container(), put("early/1"))
        async with listening(tmp_path, heard):
            assert await asyncio.wait_for(heard.get(), 10) == BlobCreated("data", "early/1")
        later = mark(tmp_path) + SLACK + timedelta(seconds=1)  # as if the stack had run on
        (tmp_path / "events.json").write_text(json.dumps({"dealt_with_until": later.isoformat()}))
        async with listening(tmp_path, heard) as server:
            await asyncio.to_thread(uploads, server, put("late"))
            assert await asyncio.wait_for(heard.get(), 10) == BlobCreated("data", "late")

    asyncio.run(main())


def test_an_event_that_was_not_dealt_with_is_told_again(tmp_path: Path) -> None:
    async def main() -> None:
        told = asyncio.Event()

        async def hang(_: BlobCreated) -> None:
            told.set()
            await asyncio.Event().wait()

        async with AzuriteServer(AzuriteSettings(tmp_path, port=0)) as server:
            server.events.subscribe(hang, ["data"])
            await server.events.start()
            await asyncio.to_thread(uploads, server, container(), put("one"))
            await asyncio.wait_for(told.wait(), 10)
            at = datetime.now(UTC)
        assert mark(tmp_path) < at
        heard: asyncio.Queue[BlobCreated] = asyncio.Queue()
        async with listening(tmp_path, heard):
            assert await asyncio.wait_for(heard.get(), 10) == BlobCreated("data", "one")

    asyncio.run(main())


def test_an_azurite_that_dies_is_started_again_on_its_port(tmp_path: Path) -> None:
    async def main() -> None:
        heard: asyncio.Queue[BlobCreated] = asyncio.Queue()
        async with listening(tmp_path, heard) as server:
            await asyncio.to_thread(uploads, server, container(), put("before"))
            assert await asyncio.wait_for(heard.get(), 10) == BlobCreated("data", "before")
            first, port = server.pid, server.port
            assert first is not None
            os.kill(first, signal.SIGKILL)
            while server.pid in (first, None):
                await asyncio.sleep(0.01)  # pytest's own time limit ends this
            assert server.port == port
            await asyncio.to_thread(uploads, server, put("after"))
            names = {(await asyncio.wait_for(heard.get(), 10)).name}
            while "after" not in names:
                names.add((await asyncio.wait_for(heard.get(), 10)).name)

    asyncio.run(main())


def test_two_on_one_folder_or_port_are_refused(tmp_path: Path) -> None:
    async def main() -> None:
        async with AzuriteServer(AzuriteSettings(tmp_path, port=0)) as first:
            with pytest.raises(DataFolderInUse, match=f"in use by process {os.getpid()}"):
                await AzuriteServer(AzuriteSettings(tmp_path, port=0)).start()
            second = AzuriteServer(AzuriteSettings(tmp_path / "other", port=first.port))
            with pytest.raises(OSError, match=f"can't listen on 127.0.0.1:{first.port}"):
                await second.start()
            await second.stop()

    asyncio.run(main())


def test_an_azurite_that_ends_at_once_says_why(tmp_path: Path) -> None:
    script = tmp_path / "azurite.js"
    script.write_text("console.log('no way'); process.exit(3)")
    command = (find_azurite()[0], str(script))

    async def main() -> None:
        with pytest.raises(AzuriteFailed, match="no way"):
            await AzuriteServer(AzuriteSettings(tmp_path, port=0, command=command)).start()

    asyncio.run(main())


def test_no_node_and_no_azurite_are_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("RETRAIN_AZURITE", str(tmp_path / "none"))
    with pytest.raises(AzuriteMissing, match="RETRAIN_AZURITE names"):
        find_azurite()
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(AzuriteMissing, match=r"needs Node.js.*make venv"):
        find_azurite()


def test_containers_are_made_once_and_blobs_are_listed(tmp_path: Path) -> None:
    async def main() -> None:
        async with AzuriteServer(AzuriteSettings(tmp_path, port=0)) as server:
            await server.reader.create("data")
            await server.reader.create("data")
            assert await server.reader.containers() == ["data"]
            with pytest.raises(BlobServiceRefused, match=r"InvalidResourceName|OutOfRange"):
                await server.reader.create("N")
            await asyncio.to_thread(uploads, server, *(put(f"a/ü&<{n}>") for n in range(3)))
            names = [blob.name async for blob in server.reader.blobs("data", prefix="a/")]
            assert names == ["a/ü&<0>", "a/ü&<1>", "a/ü&<2>"]
            assert [blob async for blob in server.reader.blobs("none")] == []
            assert await server.reader.read("data", "a/ü&<1>") == b"1"
            assert await server.reader.properties("data", "a/none") is None

    asyncio.run(main())
