"""A Batch emulator that suffers, and the unmodified client with a retry policy of choice."""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
from azure.batch import BatchClient
from azure.core.credentials import AzureNamedKeyCredential

from retrain.local.batch import BatchServer, BatchSettings
from retrain.local.faults.endpoint import ControlEndpoint
from tests.contract.batch.conftest import running, within


@contextmanager
def faulty_batch(folder: Path) -> Iterator[BatchServer]:
    """Its `faults` are empty."""
    with running(BatchSettings(data=folder)) as server:
        yield server


def client_of(server: BatchServer, **terms: Any) -> BatchClient:
    """terms: of azure-core's policies; by default nothing is repeated."""
    credential = AzureNamedKeyCredential(server.settings.account, server.settings.key)
    return BatchClient(server.endpoint, credential, **{"retry_total": 0, **terms})


@contextmanager
def controlled(server: BatchServer) -> Iterator[str]:
    """The address of its control endpoint, which runs in the server's own event loop."""
    loop = within(server, lambda _: asyncio.get_running_loop())
    endpoint = ControlEndpoint(server.faults, server.actions, 0)
    asyncio.run_coroutine_threadsafe(endpoint.start(), loop).result(20)
    try:
        yield endpoint.url
    finally:
        asyncio.run_coroutine_threadsafe(endpoint.stop(), loop).result(20)


@contextmanager
def control(server: BatchServer) -> Iterator[Callable[[str, dict[str, Any]], tuple[int, Any]]]:
    """Asks an action of the control endpoint, and gives the answer."""
    with controlled(server) as url, httpx.Client(base_url=url, trust_env=False) as client:

        def ask(action: str, body: dict[str, Any]) -> tuple[int, Any]:
            answer = client.post(action, json=body)
            return answer.status_code, answer.json()

        yield ask
