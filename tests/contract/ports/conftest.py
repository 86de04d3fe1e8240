"""Each port twice: the twin in memory, and the adapter over the real SDK and Azurite."""

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from threading import Thread

import pytest
from azure.storage.blob import BlobServiceClient

from retrain.local.azurite import AzuriteServer, AzuriteSettings
from shared.azure.blob_files import BlobFiles
from shared.azure.blob_ledger import BlobLedger
from shared.azure.blob_links import BlobLinks
from shared.azure.blob_parts import BlobParts
from shared.azure.blob_registry import BlobRegistry
from shared.azure.blob_runs import BlobRuns
from shared.ports.files import CONTAINERS, Files
from shared.ports.ledger import Ledger
from shared.ports.parts import Parts
from shared.ports.registry import Registry
from shared.ports.runs import Runs
from tests.simulation.twins.world import Twins


@dataclass(frozen=True, slots=True)
class Stores:
    """The ports that keep something, of one world. They start empty."""

    runs: Runs
    files: Files
    registry: Registry
    ledger: Ledger
    parts: Parts


@pytest.fixture(scope="session")
def azurite(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A connection string; the server has a loop of its own in a thread."""
    loop = asyncio.new_event_loop()
    thread = Thread(target=loop.run_forever, name="azurite")
    thread.start()
    folder: Path = tmp_path_factory.mktemp("azurite")
    server = AzuriteServer(AzuriteSettings(folder, port=0))
    try:
        asyncio.run_coroutine_threadsafe(server.start(), loop).result(60)
        yield server.connection_string
        asyncio.run_coroutine_threadsafe(server.stop(), loop).result(60)
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


@pytest.fixture(scope="session")
def service(azurite: str) -> Iterator[BlobServiceClient]:
    with BlobServiceClient.from_connection_string(azurite, retry_total=1) as client:
        yield client


@pytest.fixture(params=["twins", "azure"])
def stores(request: pytest.FixtureRequest) -> Stores:
    """A world with nothing in it."""
    if request.param == "twins":
        twins = Twins()
        return Stores(twins.runs, twins.files, twins.registry, twins.ledger, twins.parts)
    client: BlobServiceClient = request.getfixturevalue("service")
    for name in CONTAINERS:
        container = client.get_container_client(name)
        if not container.exists():
            container.create_container()
        for blob in container.list_blobs():
            container.delete_blob(blob.name)
    links = BlobLinks(client, client.credential.account_key, lambda: datetime.now(UTC))
    return Stores(
        BlobRuns(client),
        BlobFiles(client),
        BlobRegistry(client),
        BlobLedger(client),
        BlobParts(client, links),
    )
