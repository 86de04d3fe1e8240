"""The form of the store's file, step by step: a file of any older form is brought to the newest.

A step is never changed once it has been released; a new form is a new step.
"""

import sqlite3
from typing import Final

_STEPS: Final = (
    # 1: queues and their messages
    """
    CREATE TABLE queues (
      id INTEGER PRIMARY KEY, name TEXT UNIQUE NOT NULL, reserved INTEGER NOT NULL);
    CREATE TABLE messages (
      id INTEGER PRIMARY KEY, enqueued_sequence_number INTEGER, state INTEGER,
      delivery_count INTEGER, enqueued_at REAL, expires_at REAL, scheduled_at REAL,
      time_to_live REAL, durable INTEGER, priority INTEGER, session_id TEXT, message_id BLOB,
      annotations BLOB, content BLOB);
    CREATE TABLE duplicates (
      queue INTEGER, message_id BLOB, until REAL, PRIMARY KEY (queue, message_id)) WITHOUT ROWID;
    CREATE TABLE sessions (
      queue INTEGER, id TEXT, state BLOB, touched REAL, PRIMARY KEY (queue, id)) WITHOUT ROWID;
    """,
    # 2: what the entities are, since they can be made and changed at run time
    """
    CREATE TABLE entities (
      path TEXT PRIMARY KEY, kind TEXT NOT NULL, declared INTEGER NOT NULL, settings TEXT NOT NULL,
      created_at REAL NOT NULL, updated_at REAL NOT NULL, accessed_at REAL NOT NULL)
      WITHOUT ROWID;
    """,
)

VERSION: Final = len(_STEPS)


def migrate(connection: sqlite3.Connection, version: int) -> None:
    """From the form of that version, 0 for an empty file; within the caller's transaction."""
    for step in _STEPS[version:]:
        for statement in step.split(";"):
            connection.execute(statement)
    connection.execute(f"PRAGMA user_version = {VERSION}")
