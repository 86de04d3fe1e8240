"""Following a run from Python: its log and its status, in plain text that any notebook shows."""

import sys
import time
from datetime import datetime
from typing import TYPE_CHECKING, TextIO

from retrain.client.follow import (
    Ended,
    Item,
    LogText,
    MetricsLogged,
    NextAttempt,
    Restarted,
    StatusChanged,
    Waiting,
)
from retrain.client.records import FINAL

if TYPE_CHECKING:
    from retrain.client import Client
    from retrain.client.records import Run as Record

_FIRST, _LONGEST = 0.1, 2.0  # seconds between two looks


def show(client: "Client", name: str, file: TextIO | None = None) -> "Record":
    """Print what happens to the run until it is over, and return how it ended."""
    out = sys.stdout if file is None else file
    inside = False  # of a line of the log: ours begin on one of their own
    waiting = False
    for item in client.follow(name):
        if isinstance(item, Ended):
            return item.run
        if isinstance(item, LogText):
            out.write(item.text)
            inside = not item.text.endswith(("\n", "\r"))
        elif not (waiting and isinstance(item, Waiting)):
            out.write("\n" * inside + _line(item) + "\n")
            inside = False
        waiting = isinstance(item, Waiting)
        out.flush()
    raise AssertionError("follow ends with Ended")


def _line(item: Item) -> str:
    match item:
        case StatusChanged():
            at = datetime.fromisoformat(item.at).strftime("%H:%M:%S")
            return f"[{at}] {item.status}" + (f"  {item.note}" if item.note else "")
        case MetricsLogged():
            values = (f"{name}={point['value']}" for name, point in item.points.items())
            return f"[metrics] {' '.join(values)}"
        case Waiting() | Restarted() | NextAttempt():
            return item.message
        case _:
            return str(item)  # a kind of news that came later than this


def wait(client: "Client", name: str, timeout: float | None) -> "Record":
    """Ask again until the run is over. Raises TimeoutError."""
    until = None if timeout is None else time.monotonic() + timeout
    pause = _FIRST
    while True:
        run = client.get_job(name)
        if run["status"] in FINAL:
            return run
        left = pause if until is None else min(pause, until - time.monotonic())
        if left <= 0:
            raise TimeoutError(f"Run {name} is still {run['status']} after {timeout:g} s.")
        time.sleep(left)
        pause = min(pause * 1.5, _LONGEST)


def log(client: "Client", name: str, file: str, attempt: int | None = None) -> str:
    """Return the whole log there is so far; undecodable bytes are replaced."""
    content, offset = b"", 0
    while True:
        chunk = client.logs(name, file, offset, attempt)
        content += chunk.data
        offset = chunk.next_offset
        if not chunk.data:
            return content.decode("utf-8", "replace")
