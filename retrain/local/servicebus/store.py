"""What survives a kill: messages, numbers, duplicate history and session states, in SQLite.

The engine notes each change here and goes on; `commit` writes all that was noted, in one
transaction, and whoever acknowledges something to a client commits first. A message that came and
went between two commits is never written. Locks are not kept: after a restart nobody holds one.

WAL with synchronous=NORMAL: what is committed survives `kill -9` of the process (a power cut may
take the last moments, but leaves the file whole). The exclusive lock keeps a second emulator out.
"""

import logging
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from retrain.local.servicebus.amqp import decode_all, encode
from retrain.local.servicebus.messages import Message, State
from retrain.local.servicebus.migrations import VERSION, migrate

log = logging.getLogger(__name__)

#: A message's row is its queue's number above this many bits of sequence number.
_SEQUENCE_BITS: Final = 48
#: Sequence numbers are taken from the file in blocks, so that few sends write twice.
_BLOCK: Final = 1000

_INSERT: Final = "INSERT OR REPLACE INTO messages VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
_CHANGE: Final = "UPDATE messages SET state = ?, delivery_count = ? WHERE id = ?"


class DataFolderUnusable(RuntimeError):
    """Another emulator uses the folder, or its content is of a newer version or broken."""


class Store:
    """One file. Not for threads: everything happens on the event loop's."""

    def __init__(self, path: Path, schedule: Callable[[Callable[[], None]], Any]) -> None:
        """Raises DataFolderUnusable. `schedule` calls soon what it is given: a late commit."""
        path.parent.mkdir(parents=True, exist_ok=True)
        self._schedule = schedule
        self._added: dict[int, Message] = {}
        self._changed: dict[int, Message] = {}
        self._removed: set[int] = set()
        self._other: list[tuple[str, tuple[Any, ...]]] = []
        self._dirty = False
        self._path = path
        self._connection = _open(path)

    @contextmanager
    def reading(self) -> Iterator[None]:
        """While the engine takes up what is there. Raises DataFolderUnusable for what it can't."""
        try:
            yield
        except (sqlite3.Error, ValueError, TypeError) as error:
            raise DataFolderUnusable(_why_not(self._path, error)) from error

    def queue(self, name: str) -> "QueueStore":
        """The part of one queue, made when it is new. Names differ by more than case.

        Raises sqlite3.Error: a queue of that name that was dropped must be gone first.
        """
        self.commit()
        rows = self._connection.execute(
            "INSERT INTO queues (name, reserved) VALUES (?, 1) "
            "ON CONFLICT (name) DO UPDATE SET name = name RETURNING id, reserved",
            (name.lower(),),
        ).fetchall()
        return QueueStore(self, *rows[0])

    def drop(self, *names: str) -> None:
        """Forget queues and all that is in them, with the next commit."""
        for name in names:
            query = "SELECT id FROM queues WHERE name = ?"
            for (number,) in list(self.select(query, name.lower())):
                self._drop(number)

    def _drop(self, number: int) -> None:
        for noted in (self._added, self._changed):
            for id_ in [each for each in noted if each >> _SEQUENCE_BITS == number]:
                del noted[id_]
        first = number << _SEQUENCE_BITS
        last = first | ((1 << _SEQUENCE_BITS) - 1)
        self.note("DELETE FROM messages WHERE id BETWEEN ? AND ?", first, last)
        self.note("DELETE FROM duplicates WHERE queue = ?", number)
        self.note("DELETE FROM sessions WHERE queue = ?", number)
        self.note("DELETE FROM queues WHERE id = ?", number)

    def commit(self) -> None:
        """Write what was noted. Raises sqlite3.Error, and then all of it is still to be written."""
        if not self._dirty:
            return
        run = self._connection
        run.execute("BEGIN IMMEDIATE")
        try:
            for statement, values in self._other:
                run.execute(statement, values)
            if self._added:
                run.executemany(_INSERT, [_row(id_, m) for id_, m in self._added.items()])
            if self._changed:
                changed = ((int(m.state), m.delivery_count, i) for i, m in self._changed.items())
                run.executemany(_CHANGE, changed)
            if self._removed:
                run.executemany("DELETE FROM messages WHERE id = ?", [(i,) for i in self._removed])
            run.execute("COMMIT")
        except sqlite3.Error:
            run.execute("ROLLBACK")
            raise
        self._dirty = False
        for noted in (self._added, self._changed, self._removed, self._other):
            noted.clear()

    def close(self) -> None:
        self.commit()
        self._connection.close()

    def note(self, statement: str, *values: Any) -> None:
        self._other.append((statement, values))
        self._mark()

    def add(self, id_: int, message: Message) -> None:
        self._added[id_] = message
        self._removed.discard(id_)
        self._mark()

    def change(self, id_: int, message: Message) -> None:
        if id_ not in self._added:
            self._changed[id_] = message
            self._mark()

    def remove(self, id_: int) -> None:
        self._changed.pop(id_, None)
        if self._added.pop(id_, None) is None:
            self._removed.add(id_)
            self._mark()

    def select(self, query: str, *values: Any) -> Iterator[Any]:
        return iter(self._connection.execute(query, values))

    def _mark(self) -> None:
        if not self._dirty:
            self._dirty = True
            self._schedule(self._late)

    def _late(self) -> None:
        # What no client waits for: locks and messages that expired, say.
        try:
            self.commit()
        except sqlite3.Error:
            log.exception("changes can't be written now; they are kept and tried again")


class QueueStore:
    """One queue's part of the store."""

    def __init__(self, store: Store, number: int, reserved: int) -> None:
        self._store = store
        self._number = number
        self._base = number << _SEQUENCE_BITS
        self._next = self._reserved = reserved

    def next_sequence_number(self) -> int:
        """1 and up, never the same twice, also after a restart; there may be gaps."""
        number = self._next
        self._next += 1
        if number >= self._reserved:
            self._reserved = number + _BLOCK
            self._store.note(
                "UPDATE queues SET reserved = ? WHERE id = ?", self._reserved, self._number
            )
        return number

    def add(self, message: Message) -> None:
        self._store.add(self._base | message.sequence_number, message)

    def change(self, message: Message) -> None:
        """Its state or delivery count is another one."""
        self._store.change(self._base | message.sequence_number, message)

    def remove(self, message: Message) -> None:
        self._store.remove(self._base | message.sequence_number)

    def remember(self, message_id: Any, until: float) -> None:
        self._store.note(
            "INSERT OR REPLACE INTO duplicates VALUES (?, ?, ?)",
            *(self._number, encode(message_id), until),
        )

    def forget(self, message_id: Any) -> None:
        self._store.note(
            "DELETE FROM duplicates WHERE queue = ? AND message_id = ?",
            *(self._number, encode(message_id)),
        )

    def set_state(self, session_id: str, state: bytes | None, touched: float) -> None:
        if state is None:
            delete = "DELETE FROM sessions WHERE queue = ? AND id = ?"
            self._store.note(delete, self._number, session_id)
        else:
            insert = "INSERT OR REPLACE INTO sessions VALUES (?, ?, ?, ?)"
            self._store.note(insert, self._number, session_id, state, touched)

    def messages(self) -> Iterator[Message]:
        """By sequence number."""
        query = "SELECT * FROM messages WHERE id BETWEEN ? AND ? ORDER BY id"
        last = self._base | ((1 << _SEQUENCE_BITS) - 1)
        for row in self._store.select(query, self._base, last):
            yield _message(row, row[0] - self._base)

    def duplicates(self) -> Iterator[tuple[Any, float]]:
        """Ids and when they are forgotten, in that order."""
        query = "SELECT message_id, until FROM duplicates WHERE queue = ? ORDER BY until"
        for encoded, until in self._store.select(query, self._number):
            yield decode_all(encoded), until

    def session_states(self) -> Iterator[tuple[str, bytes, float]]:
        query = "SELECT id, state, touched FROM sessions WHERE queue = ?"
        return self._store.select(query, self._number)


def _open(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(path, isolation_level=None, timeout=0)
    try:
        connection.execute("PRAGMA locking_mode = EXCLUSIVE")
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = NORMAL")
        connection.execute("BEGIN EXCLUSIVE")
        version = connection.execute("PRAGMA user_version").fetchone()[0]
        if version < VERSION:
            migrate(connection, version)
        connection.execute("COMMIT")
        damage = connection.execute("PRAGMA quick_check(1)").fetchone()[0]
        if damage != "ok":
            raise sqlite3.DatabaseError(damage)
    except (sqlite3.Error, UnicodeDecodeError) as error:  # the latter for SQLite's own words
        connection.close()
        raise DataFolderUnusable(_why_not(path, error)) from error
    if version > VERSION:
        connection.close()
        raise DataFolderUnusable(
            f"{path} was written by a newer Retrain (version {version} of its form). "
            "Use that one, or another data folder."
        )
    return connection


def _why_not(path: Path, error: Exception) -> str:
    if "locked" in str(error):
        return (
            f"Another Service Bus emulator uses {path.parent}. Stop it, or choose another folder."
        )
    reason = str(error).partition("\n")[0]
    return f"{path} can't be used: {reason}. Move it away to begin with empty queues."


def _row(id_: int, message: Message) -> tuple[Any, ...]:
    return (
        id_,
        message.enqueued_sequence_number,
        int(message.state),
        message.delivery_count,
        message.enqueued_at,
        message.expires_at,
        message.scheduled_at,
        message.time_to_live,
        message.durable,
        message.priority,
        message.session_id,
        encode(message.message_id),
        message.annotations,
        message.content,
    )


def _message(row: tuple[Any, ...], sequence_number: int) -> Message:
    return Message(
        sequence_number=sequence_number,
        enqueued_sequence_number=row[1],
        state=State(row[2]),
        delivery_count=row[3],
        enqueued_at=row[4],
        expires_at=row[5],
        scheduled_at=row[6],
        time_to_live=row[7],
        durable=None if row[8] is None else bool(row[8]),
        priority=row[9],
        session_id=row[10],
        message_id=decode_all(row[11]),
        annotations=row[12],
        content=row[13],
    )
