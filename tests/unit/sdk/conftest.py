"""A client of a server in memory, over real HTTP, in a working directory of its own."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from retrain import Client
from tests.unit.cli.api_server import KEY, ApiServer, running


@pytest.fixture
def server() -> Iterator[ApiServer]:
    with running() as server:
        yield server


@pytest.fixture
def client(server: ApiServer) -> Iterator[Client]:
    with Client(server.endpoint, KEY) as client:
        yield client


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working directory; the user's real profile is out of reach."""
    for name in ("RETRAIN_ENDPOINT", "RETRAIN_KEY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("RETRAIN_CONFIG", str(tmp_path / "config/profiles.toml"))
    monkeypatch.chdir(tmp_path)
    return tmp_path
