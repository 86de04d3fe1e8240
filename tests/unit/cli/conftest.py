"""A server to talk to, and a profile of one's own that does."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.unit.cli.api_server import KEY, ApiServer, running


@pytest.fixture
def server() -> Iterator[ApiServer]:
    with running() as server:
        yield server


@pytest.fixture(autouse=True)
def own_profile(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The user's real profile is out of reach; the temporary folder is the current one."""
    for name in ("RETRAIN_ENDPOINT", "RETRAIN_KEY", "RETRAIN_DEBUG"):
        monkeypatch.delenv(name, raising=False)
    file = tmp_path / "config" / "profiles.toml"
    monkeypatch.setenv("RETRAIN_CONFIG", str(file))
    monkeypatch.chdir(tmp_path)
    return file


@pytest.fixture
def local(server: ApiServer, own_profile: Path) -> ApiServer:
    """The server, as the current profile."""
    from retrain import profile

    profile.save(profile.Profile("local", server.endpoint, KEY))
    return server
