"""The tracking routes over HTTP, as the unmodified client meets them: on twins, and on Azurite."""

import threading
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from socket import create_server

import mlflow
import pytest
import uvicorn
from azure.storage.blob import BlobServiceClient

from functions.tracking.web import web
from shared.app.script_tracking import ScriptTracking
from shared.azure.blob_files import BlobFiles
from shared.azure.blob_ledger import BlobLedger
from shared.azure.blob_links import BlobLinks
from shared.azure.blob_parts import BlobParts
from shared.azure.blob_registry import BlobRegistry
from shared.azure.blob_runs import BlobRuns
from shared.domain.run import Run
from shared.domain.status import Status
from shared.ports.files import CONTAINERS
from shared.ports.world import Ports
from shared.wiring import Product, built
from tests.contract.ports.conftest import azurite, service
from tests.factories import RUN, a_job, a_run
from tests.simulation.twins.world import Twins

__all__ = ["azurite", "service"]


@dataclass
class Served:
    """A product behind the routes. `everything` is a token for all runs."""

    ports: Ports
    product: Product
    url: str
    everything: str
    environment: pytest.MonkeyPatch

    def script_of(self, run: Run) -> None:
        """Be the script of this run: have the variables that its node gives it."""
        self.ports.runs.create(run)
        told = ScriptTracking(self.product.tokens, self.url).variables(run)
        for name, value in told.items():
            self.environment.setenv(name, value)
        self.environment.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
        _forget()

    def person(self) -> None:
        """Be somebody with a token for everything."""
        self.environment.setenv("MLFLOW_TRACKING_URI", f"{self.url}/api/mlflow")
        self.environment.setenv("MLFLOW_TRACKING_TOKEN", self.everything)
        for name in ("MLFLOW_RUN_ID", "MLFLOW_EXPERIMENT_ID", "MLFLOW_EXPERIMENT_NAME"):
            self.environment.delenv(name, raising=False)
        _forget()


@dataclass
class Door:
    """One server for all tests, since the client remembers addresses; the product changes."""

    url: str = ""
    product: Product | None = None

    def __call__(self) -> Product:
        assert self.product is not None
        return self.product


@pytest.fixture(scope="session")
def door() -> Iterator[Door]:
    door = Door()
    listener = create_server(("127.0.0.1", 0))
    door.url = f"http://127.0.0.1:{listener.getsockname()[1]}"
    server = uvicorn.Server(
        uvicorn.Config(web(door), log_level="critical", lifespan="off", ws="none")
    )
    thread = threading.Thread(target=server.run, args=([listener],))
    thread.start()
    try:
        yield door
    finally:
        server.should_exit = True
        thread.join()


@pytest.fixture(params=["twins", "azure"])
def served(
    request: pytest.FixtureRequest, door: Door, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Served]:
    """An empty world."""
    ports = _ports(request)
    door.product = built(ports)
    monkeypatch.setenv("MLFLOW_DISABLE_TELEMETRY", "true")
    everything = door.product.tokens.for_everything(ports.now() + timedelta(hours=1))
    yield Served(ports, door.product, door.url, everything, monkeypatch)
    _forget()


@pytest.fixture
def script(served: Served) -> Served:
    """The script of a run of experiment `wine`, which is Running."""
    job = a_job(experiment_name="wine", display_name="the job", tags={"team": "red"})
    served.script_of(a_run(Status.RUNNING, job=job))
    assert served.product.metrics.latest(RUN) == {}
    return served


def _ports(request: pytest.FixtureRequest) -> Ports:
    twins = Twins()
    if request.param == "twins":
        return twins.ports
    client: BlobServiceClient = request.getfixturevalue("service")
    for name in CONTAINERS:
        container = client.get_container_client(name)
        if not container.exists():
            container.create_container()
        for blob in container.list_blobs():
            container.delete_blob(blob.name)
    # Blob Storage checks signed addresses by its own clock.
    links = BlobLinks(client, client.credential.account_key, lambda: datetime.now(UTC))
    return replace(
        twins.ports,
        runs=BlobRuns(client),
        files=BlobFiles(client),
        links=links,
        registry=BlobRegistry(client),
        ledger=BlobLedger(client),
        parts=BlobParts(client, links),
    )


def _forget() -> None:
    """The client keeps the run it is in, and where it tracks, for the whole process."""
    while mlflow.active_run():
        mlflow.tracking.fluent._active_run_stack.get().pop()  # type: ignore[no-untyped-call]
    mlflow.tracking.fluent._active_experiment_id = None
    mlflow.set_tracking_uri(None)  # type: ignore[arg-type]
