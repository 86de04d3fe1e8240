"""One emulator and one set of clients for the tests of a module, on the queues that it names."""

from collections.abc import Iterator

import pytest

from tests.contract.servicebus.clients import Clients
from tests.contract.servicebus.emulator import Emulator


@pytest.fixture(scope="module")
def emulator(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Emulator]:
    """With the queues of the module's QUEUES, and the topics of its TOPICS if it has some."""
    queues, topics = request.module.QUEUES, getattr(request.module, "TOPICS", ())
    with Emulator(tmp_path_factory.mktemp("servicebus"), queues, topics) as made:
        yield made


@pytest.fixture(scope="module")
def clients(emulator: Emulator) -> Iterator[Clients]:
    with Clients(emulator.connection_string) as made:
        yield made
