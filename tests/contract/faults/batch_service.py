"""A Batch emulator that suffers, and the unmodified client with a retry policy of choice."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from azure.batch import BatchClient
from azure.core.credentials import AzureNamedKeyCredential

from retrain.local.batch import BatchServer, BatchSettings
from tests.contract.batch.conftest import running


@contextmanager
def faulty_batch(folder: Path) -> Iterator[BatchServer]:
    """Its `faults` are empty."""
    with running(BatchSettings(data=folder)) as server:
        yield server


def client_of(server: BatchServer, **terms: Any) -> BatchClient:
    """terms: of azure-core's policies; by default nothing is repeated."""
    credential = AzureNamedKeyCredential(server.settings.account, server.settings.key)
    return BatchClient(server.endpoint, credential, **{"retry_total": 0, **terms})
