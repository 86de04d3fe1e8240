"""One emulator without entities for the tests of a module, and each client in turn."""

from collections.abc import Iterator
from typing import Any

import pytest

from tests.contract.servicebus.admin.asking import CLIENTS
from tests.contract.servicebus.emulator import Emulator


@pytest.fixture(scope="module")
def emulator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Emulator]:
    with Emulator(tmp_path_factory.mktemp("servicebus"), {}) as made:
        yield made


@pytest.fixture(scope="module", params=CLIENTS)
def admin(emulator: Emulator, request: pytest.FixtureRequest) -> Iterator[Any]:
    client = CLIENTS[request.param]
    with client(emulator.connection_string, emulator.server.certificate) as made:
        yield made


@pytest.fixture(autouse=True)
def nothing_escapes(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    """No exception gets out of the server's hands, into its event loop's."""
    yield
    assert [
        each.getMessage() for each in caplog.get_records("call") if each.levelname == "ERROR"
    ] == []


@pytest.fixture
def name(request: pytest.FixtureRequest) -> str:
    """A name that no other test uses."""
    kept = (letter if letter.isalnum() else "-" for letter in request.node.name)
    return "".join(kept).strip("-")[:50].strip("-").lower()
