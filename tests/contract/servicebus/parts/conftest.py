"""Desks for a test: queues without a wire, closed when it ends."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.contract.servicebus.parts.desk import Desk, Open


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Open]:
    opened: list[Desk] = []

    def make(**settings: Any) -> Desk:
        opened.append(Desk(tmp_path / str(len(opened)), **settings))
        return opened[-1]

    yield make
    for each in opened:
        each.close()
