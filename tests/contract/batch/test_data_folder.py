"""A data folder that is another's, newer, older, damaged or no folder: said at the start."""

import json
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from retrain.local.batch import BatchSettings
from tests.contract.batch.conftest import (
    add_task,
    auto_pool,
    client_of,
    completed,
    make_job,
    running,
)


@contextmanager
def database(data: Path) -> Iterator[sqlite3.Connection]:
    with sqlite3.connect(data / "batch.sqlite") as connection:
        yield connection
    connection.close()


@pytest.fixture
def used(tmp_path: Path, environments: Path) -> BatchSettings:
    """A folder in which an emulator has worked."""
    settings = BatchSettings(data=tmp_path, environments=environments)
    with running(settings) as server, client_of(settings, server.endpoint) as client:
        make_job(client, "kept", pool_info=auto_pool())
        add_task(client, "kept")
        completed(client, "kept")
    return settings


def newer(data: Path) -> None:
    with database(data) as connection:
        connection.execute("PRAGMA user_version=99")


def garbage(data: Path) -> None:
    (data / "batch.sqlite").write_bytes(b"\x00\x01garbage" * 1000)


def half(data: Path) -> None:
    file = data / "batch.sqlite"
    file.write_bytes(file.read_bytes()[: file.stat().st_size // 2 + 100])


def no_json(data: Path) -> None:
    with database(data) as connection:
        connection.execute("UPDATE documents SET body = substr(body, 1, 20)")


def no_record(data: Path) -> None:
    with database(data) as connection:
        connection.execute("UPDATE documents SET body = '{\"number\": 1}'")


DAMAGE: dict[str, tuple[Callable[[Path], None], str]] = {
    "a newer version": (newer, "newer Retrain"),
    "no database": (garbage, "can't be read"),
    "half a database": (half, "can't be read"),
    "half a document": (no_json, "can't be read"),
    "a document of something else": (no_record, "not written by this emulator"),
}


@pytest.mark.parametrize(("damage", "words"), DAMAGE.values(), ids=DAMAGE)
def test_what_can_not_be_read_is_said(
    used: BatchSettings, damage: Callable[[Path], None], words: str
) -> None:
    damage(used.data)
    before = (used.data / "batch.sqlite").read_bytes()
    for _ in range(2):  # a refused start leaves nothing locked
        with pytest.raises(RuntimeError, match=words) as caught, running(used):
            pass
        assert "--data" in str(caught.value)
    assert (used.data / "batch.sqlite").read_bytes() == before


def test_two_emulators_never_share_a_folder(tmp_path: Path) -> None:
    settings = BatchSettings(data=tmp_path)
    refused = pytest.raises(RuntimeError, match="Another Batch emulator")
    with running(settings), refused, running(settings):
        pass


def test_a_port_in_use_is_said(tmp_path: Path) -> None:
    with running(BatchSettings(data=tmp_path / "a")) as server:
        taken = BatchSettings(data=tmp_path / "b", port=server.port)
        with pytest.raises(OSError, match=f"Port {server.port} .* is in use"), running(taken):
            pass


def test_the_command_says_it_in_a_line(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.touch()
    words = [sys.executable, "-m", "retrain.local.batch", "--port", "0", "--data", str(file)]
    ended = subprocess.run(words, capture_output=True, text=True, timeout=60, check=False)
    assert ended.returncode == 1
    assert ended.stderr.splitlines()[-1] == f"File exists: {file}"


#: Properties that records got since the first release.
LATER = {"job": ["schedule"]}


def test_a_store_of_the_first_release_is_read(used: BatchSettings) -> None:
    with database(used.data) as connection:
        for kind, names in LATER.items():
            rows = connection.execute("SELECT key, body FROM documents WHERE kind = ?", (kind,))
            for key, body in rows.fetchall():
                record = {k: v for k, v in json.loads(body).items() if k not in names}
                connection.execute(
                    "UPDATE documents SET body = ? WHERE kind = ? AND key = ?",
                    (json.dumps(record), kind, key),
                )
    with running(used) as server, client_of(used, server.endpoint) as client:
        assert client.get_job("kept").state == "active"
        assert completed(client, "kept").id == "t"
