"""A client of a server in memory, over real HTTP."""

from collections.abc import Iterator

import pytest

from retrain.client import Client
from tests.unit.cli.api_server import KEY, ApiServer, running


@pytest.fixture
def server() -> Iterator[ApiServer]:
    with running() as server:
        yield server


@pytest.fixture
def client(server: ApiServer) -> Iterator[Client]:
    with Client(server.endpoint, KEY) as client:
        yield client
