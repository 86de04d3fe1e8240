"""An Azurite that is listened to, and what the real SDK does to it."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import datetime
from pathlib import Path

from azure.storage.blob import BlobServiceClient

from retrain.local.azurite import (
    AzuriteServer,
    AzuriteSettings,
    BlobCreated,
)


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
