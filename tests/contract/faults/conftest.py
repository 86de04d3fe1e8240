"""A Service Bus emulator and its clients for the tests of a module, well again before each."""

from collections.abc import Iterator

import pytest

from retrain.local.faults import Faults, Plan
from tests.contract.servicebus.clients import Clients
from tests.contract.servicebus.emulator import Emulator


@pytest.fixture(scope="module")
def emulator(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Emulator]:
    """With the queues of the module's QUEUES."""
    with Emulator(tmp_path_factory.mktemp("servicebus"), request.module.QUEUES) as made:
        yield made


@pytest.fixture(scope="module")
def clients(emulator: Emulator) -> Iterator[Clients]:
    """They repeat nothing, so that every fault is seen."""
    with Clients(emulator.connection_string) as made:
        yield made
        emulator.server.faults.clear()  # or closing would suffer too


@pytest.fixture
def faults(emulator: Emulator) -> Faults:
    """Empty, and with nothing remembered."""
    emulator.server.faults.replace(Plan())
    return emulator.server.faults
