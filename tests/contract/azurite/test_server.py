"""Azurite as our child, with the real SDK on the other end."""

import asyncio
import json
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psutil
import pytest
from azure.core.exceptions import HttpResponseError
from azure.storage.blob import BlobBlock, BlobServiceClient

from retrain.local.azurite import (
    AzuriteMissing,
    AzuriteServer,
    AzuriteSettings,
    BlobCreated,
    find_azurite,
)
from retrain.local.azurite.claim import DataFolderInUse
from retrain.local.azurite.events import SLACK
from retrain.local.azurite.server import AzuriteFailed


def uploads(server: AzuriteServer, *actions: Callable[[BlobServiceClient], object]) -> None:
    with BlobServiceClient.from_connection_string(server.connection_string) as client:
        for action in actions:
            action(client)


def put(name: str, content: bytes = b"1", container: str = "data") -> Callable[..., object]:
    return lambda client: client.get_blob_client(container, name).upload_blob(
        content, overwrite=True, max_concurrency=1
    )


def container(name: str = "data") -> Callable[..., object]:
    return lambda client: client.create_container(name)


def mark(folder: Path) -> datetime:
    content = json.loads((folder / "events.json").read_text())
    return datetime.fromisoformat(content["dealt_with_until"])


@asynccontextmanager
async def listening(
    folder: Path, heard: "asyncio.Queue[BlobCreated]"
) -> AsyncIterator[AzuriteServer]:
    async with AzuriteServer(AzuriteSettings(folder, port=0)) as server:
        server.events.subscribe(heard.put, ["data"])
        await server.events.start()
        yield server


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


OWNER = """
import asyncio, sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from retrain.local.azurite import AzuriteServer, AzuriteSettings
async def main():
    server = AzuriteServer(AzuriteSettings(Path(sys.argv[1]), port=0))
    await server.start()
    print(server.port, server._process.pid, flush=True)
    await asyncio.Event().wait()
asyncio.run(main())
"""


@pytest.mark.parametrize("whole_group", [False, True])
def test_a_killed_stack_leaves_no_azurite_and_loses_no_blob(
    tmp_path: Path, whole_group: bool
) -> None:
    owner = subprocess.Popen(
        [sys.executable, "-c", OWNER, str(tmp_path)], stdout=subprocess.PIPE, start_new_session=True
    )
    assert owner.stdout is not None
    port, child = map(int, owner.stdout.readline().split())
    settings = AzuriteSettings(tmp_path, port=port)
    server = AzuriteServer(settings)
    uploads(server, container(), put("kept", b"content"))
    if whole_group:
        os.killpg(owner.pid, signal.SIGKILL)
    else:
        owner.kill()
    owner.wait()
    owner.stdout.close()

    async def again() -> bytes | None:
        async with AzuriteServer(settings) as server:
            assert not psutil.pid_exists(child)
            return await server.reader.read("data", "kept")

    assert asyncio.run(again()) == b"content"


def change(client: BlobServiceClient) -> None:
    for number in range(20):
        put(f"{number}")(client)
    put("5", b"changed")(client)
    put("big", b"x" * 70_000_000)(client)
    client.get_blob_client("data", "6").delete_blob()
    client.get_blob_client("data", "7").set_blob_metadata({"a": "b"})
    client.get_blob_client("data", "staged").stage_block("MQ==", b"12")
    client.delete_container("gone")


def check(client: BlobServiceClient) -> None:
    data = client.get_container_client("data")
    blobs = {blob.name: blob for blob in data.list_blobs(include=["metadata"])}
    assert sorted(blobs) == sorted({*map(str, range(20)), "big"} - {"6"})
    assert data.download_blob("5").readall() == b"changed"
    assert len(data.download_blob("big").readall()) == 70_000_000
    assert blobs["7"].metadata == {"a": "b"}
    staged = data.get_blob_client("staged")
    staged.commit_block_list([BlobBlock("MQ==")])
    assert staged.download_blob().readall() == b"12"
    assert [one.name for one in client.list_containers()] == ["data"]


@pytest.mark.parametrize("seconds", [0, 0.3])
def test_an_azurite_that_is_killed_itself_loses_nothing_it_acknowledged(
    tmp_path: Path, seconds: float
) -> None:
    """Its own saves are five seconds apart: only the journal can hold these."""

    async def killed() -> None:
        server = AzuriteServer(AzuriteSettings(tmp_path, port=0))
        await server.start()
        await asyncio.to_thread(uploads, server, container(), container("gone"), change)
        assert server._process is not None
        await asyncio.sleep(seconds)
        server._process.kill()
        await server.stop()

    async def again() -> None:
        async with AzuriteServer(AzuriteSettings(tmp_path, port=0)) as server:
            await asyncio.to_thread(uploads, server, check, put("20"))

    asyncio.run(killed())
    asyncio.run(again())
    asyncio.run(again_without_journal(tmp_path))


async def again_without_journal(folder: Path) -> None:
    """After an orderly stop the saved index is enough, and little of a journal is left."""
    assert sum(file.stat().st_size for file in folder.glob("*.journal.*")) < 10_000
    async with AzuriteServer(AzuriteSettings(folder, port=0)) as server:
        assert await server.reader.read("data", "20") == b"1"


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
