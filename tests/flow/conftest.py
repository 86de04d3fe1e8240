"""One stack for all flow tests of a worker, started as users start it."""

from collections.abc import Iterator

import pytest

from retrain.client import Client
from tests.flow.local_stack import LocalStack, running_stack


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalStack]:
    with running_stack(tmp_path_factory.mktemp("stack")) as started:
        yield started


@pytest.fixture
def client(stack: LocalStack) -> Iterator[Client]:
    with stack.client() as connected:
        yield connected
