"""Azurite and its stack, killed: nothing acknowledged is lost, nothing is left running."""

import asyncio
import os
import signal
import subprocess
import sys
from pathlib import Path

import psutil
import pytest
from azure.storage.blob import BlobBlock, BlobServiceClient

from retrain.local.azurite import (
    AzuriteServer,
    AzuriteSettings,
)
from tests.contract.azurite.service import container, put, uploads

OWNER = """
import asyncio, sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from retrain.local.azurite import AzuriteServer, AzuriteSettings
async def main():
    server = AzuriteServer(AzuriteSettings(Path(sys.argv[1]), port=0))
    await server.start()
    print(server.port, server.pid, flush=True)
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
        assert server.pid is not None
        await asyncio.sleep(seconds)
        os.kill(server.pid, signal.SIGKILL)
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


def test_one_that_is_killed_before_it_has_answered_is_replaced(tmp_path: Path) -> None:
    server = AzuriteServer(AzuriteSettings(tmp_path, port=0))

    async def kill() -> int:
        while server.pid is None:
            await asyncio.sleep(0)
        os.kill(server.pid, signal.SIGKILL)
        return server.pid

    async def start() -> None:
        killing = asyncio.create_task(kill())
        async with server:
            assert await server.reader.containers() == []
            assert server.pid != await killing

    asyncio.run(start())
