"""A stage and an HTTP client for each test."""

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.contract.host.stage import Stage


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Stage]:
    made = Stage(tmp_path)
    yield made
    made.close()


@pytest.fixture
def client() -> Iterator[httpx.Client]:
    with httpx.Client(trust_env=False, timeout=20) as made:
        yield made
