"""What is on disk, and when: after a kill there is what was committed, and nothing half."""

import asyncio
import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path
from random import Random

import pytest

from retrain.local.servicebus import (
    DataFolderUnusable,
    NamespaceSettings,
    QueueSettings,
    ServiceBusServer,
    ServiceBusSettings,
)
from retrain.local.servicebus.store import Store
from tests.contract.servicebus.parts.desk import Desk


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "servicebus.sqlite"


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    made = Desk(tmp_path, lock_seconds=30, duplicate_window=60)
    yield made
    made.close()


def test_everything_but_locks_is_as_it_was(desk: Desk) -> None:
    desk.send(b"locked", id_="1")
    desk.send(b"abandoned", id_="2")
    taker = desk.taker(2)
    desk.queue.abandon(taker.tokens[1])
    scheduled = desk.send(b"later", at=desk.clock.now() + 10)
    before = set(desk.queue.messages)
    desk.restart()
    assert set(desk.queue.messages) == before
    again = desk.taker()
    assert [(m.lock is not None, m.delivery_count) for m in again.got] == [(True, 0), (True, 1)]
    assert desk.send(b"twice", id_="1") == 0
    assert desk.send(b"new") > scheduled
    desk.clock.go(10)
    assert again.bodies == [b"locked", b"abandoned", b"new", b"later"]


def test_numbers_are_never_used_again(desk: Desk) -> None:
    last = 0
    for _ in range(3):
        number = desk.send(b"x")
        assert number > last
        last = number
        desk.queue.complete(desk.taker(1).tokens[0])
        desk.restart()


def test_a_message_that_came_and_went_is_never_written(desk: Desk) -> None:
    desk.send(b"x")
    desk.store.commit()
    desk.queue.complete(desk.taker(1).tokens[0])
    desk.send(b"brief")
    desk.queue.complete(desk.taker(1).tokens[0])
    desk.restart()
    assert desk.queue.messages == {}


def test_a_second_emulator_is_kept_out(path: Path, desk: Desk) -> None:
    with pytest.raises(DataFolderUnusable, match="Another Service Bus emulator"):
        Store(path, lambda action: None)


def test_a_newer_form_is_refused(path: Path) -> None:
    connection = sqlite3.connect(path)
    connection.execute("PRAGMA user_version = 99")
    connection.close()
    with pytest.raises(DataFolderUnusable, match="newer Retrain"):
        Store(path, lambda action: None)


def test_a_file_of_the_first_form_is_taken_over(path: Path) -> None:
    connection = sqlite3.connect(path)
    connection.executescript(Path(__file__).with_name("form-1.sql").read_text("utf-8"))
    connection.close()
    both = QueueSettings(name="q", duplicate_window=600.0), QueueSettings(name="s", sessions=True)
    desk = Desk(path.parent, settings=NamespaceSettings(queues=both))
    for _ in range(2):
        assert desk.send(b"twice", id_="1") == 0
        assert len(desk.dead.messages) == 1
        sessions = desk.namespace.receiving("s").sessions
        assert sessions
        assert (sessions.get("a").state, sessions.get("a").messages) == (b"kept", 1)
        desk.restart()
    taker = desk.taker(removes=True)
    desk.clock.go(100)
    assert taker.bodies == [b"ready", b"later"]
    assert [each.delivery_count for each in taker.got] == [1, 0]
    desk.close()


@pytest.mark.parametrize("content", [b"no database" * 100, b"SQLite format 3\x00" + b"\xff" * 4000])
def test_a_broken_file_is_refused(path: Path, content: bytes) -> None:
    path.write_bytes(content)
    with pytest.raises(DataFolderUnusable, match="Move it away"):
        Store(path, lambda action: None)


def _cut_off(content: bytes, rng: Random) -> bytes:
    return content[: rng.randrange(100, len(content))]


def _overwritten(content: bytes, rng: Random) -> bytes:
    at = rng.randrange(len(content) - 4096)
    return content[:at] + rng.randbytes(4096) + content[at + 4096 :]


def _peppered(content: bytes, rng: Random) -> bytes:
    damaged = bytearray(content)
    for _ in range(50):
        damaged[rng.randrange(len(damaged))] = rng.randrange(256)
    return bytes(damaged)


DAMAGES = {
    "cut off": _cut_off,
    "a page overwritten": _overwritten,
    "bytes here and there": _peppered,
}


@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES)
def test_a_damaged_file_is_refused_in_words_or_read(
    tmp_path: Path, damage: Callable[[bytes, Random], bytes]
) -> None:
    whole = Desk(tmp_path, sessions=True, duplicate_window=60)
    for number in range(500):
        whole.send(b"x" * 100, session=f"s{number % 5}", id_=str(number))
    whole.close()
    content, rng, refused = whole.path.read_bytes(), Random(1), 0
    for case in range(20):
        folder = tmp_path / str(case)
        folder.mkdir()
        (folder / "servicebus.sqlite").write_bytes(damage(content, rng))
        refused += asyncio.run(_is_refused(folder))
    assert refused > 15


async def _is_refused(folder: Path) -> bool:
    entities = NamespaceSettings(
        queues=(QueueSettings(name="q", sessions=True, duplicate_window=60),)
    )
    server = ServiceBusServer(ServiceBusSettings(data=folder, config=entities, port=0))
    try:
        await server.start()
    except DataFolderUnusable as error:
        return "Move it away" in str(error)
    await server.stop()
    return False


def test_what_can_not_be_written_is_kept_and_written_later(desk: Desk) -> None:
    desk.send(b"x")
    desk.store.note("INSERT INTO no_such_table VALUES (1)")
    with pytest.raises(sqlite3.Error):
        desk.store.commit()
    desk.store._other.pop()
    desk.restart()
    assert desk.taker().bodies == [b"x"]
