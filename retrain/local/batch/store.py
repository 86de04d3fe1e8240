"""The account on disk: JSON documents in one SQLite table, in WAL mode.

Losing power may lose the last moments (synchronous=NORMAL); `kill -9` loses nothing committed.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

_VERSION: Final = 1


class Store:
    """Documents by (kind, key). Nothing is on disk before `commit`.

    Raises RuntimeError when the file was written by a newer version, or can't be read.
    """

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._path = path
        self._db = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        try:
            self._open()
        except sqlite3.DatabaseError as error:
            self._db.close()
            raise self._damaged(error) from error
        except BaseException:
            self._db.close()
            raise

    def _open(self) -> None:
        self._db.execute("PRAGMA journal_mode=WAL")
        self._db.execute("PRAGMA synchronous=NORMAL")
        (version,) = self._db.execute("PRAGMA user_version").fetchone()
        if version > _VERSION:
            raise RuntimeError(
                f"{self._path} was written by a newer Retrain (format {version}, this one knows "
                f"{_VERSION}). Update Retrain, or start with another --data folder."
            )
        if version != _VERSION:
            self._db.execute(f"PRAGMA user_version={_VERSION}")
        self._db.execute(
            "CREATE TABLE IF NOT EXISTS documents (kind TEXT, key TEXT, body TEXT, "
            "PRIMARY KEY (kind, key)) WITHOUT ROWID"
        )

    def put(self, kind: str, key: str, document: dict[str, Any]) -> None:
        """Write or replace one document."""
        self._begin()
        self._db.execute(
            "INSERT OR REPLACE INTO documents VALUES (?, ?, ?)",
            (kind, key, json.dumps(document, separators=(",", ":"))),
        )

    def drop(self, kind: str, key: str) -> None:
        """Remove one document; absent is fine."""
        self._begin()
        self._db.execute("DELETE FROM documents WHERE kind = ? AND key = ?", (kind, key))

    def drop_below(self, kind: str, folder: str) -> None:
        """Remove all documents whose key starts with `folder` and a slash."""
        self._begin()
        self._db.execute(
            "DELETE FROM documents WHERE kind = ? AND key >= ? AND key < ?",
            (kind, folder + "/", folder + "0"),  # "0" follows "/"
        )

    def load(self, kind: str) -> Iterator[dict[str, Any]]:
        """All documents of a kind, in the order of their keys."""
        query = "SELECT body FROM documents WHERE kind = ? ORDER BY key"
        try:
            for (body,) in self._db.execute(query, (kind,)):
                yield json.loads(body)
        except (sqlite3.DatabaseError, ValueError) as error:
            raise self._damaged(error) from error

    def _damaged(self, error: Exception) -> RuntimeError:
        return RuntimeError(
            f"{self._path} can't be read ({error}). Move it away, or start with another --data "
            "folder; jobs and pools in it are lost, files of tasks are not."
        )

    def commit(self) -> None:
        """Make all that was written since the last commit last."""
        if self._db.in_transaction:
            self._db.execute("COMMIT")

    def close(self) -> None:
        """Commit and close."""
        self.commit()
        self._db.close()

    def _begin(self) -> None:
        if not self._db.in_transaction:
            self._db.execute("BEGIN")
