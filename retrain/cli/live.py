"""A run as it happens, on the terminal: its log as it is, and a line for each change of status.

The script's stdout goes to stdout and its stderr to stderr; all that is ours, the build of the
environment too, goes to stderr, so that `retrain job stream NAME > train.log` is the script's own
output and nothing else.
"""

import sys
from dataclasses import asdict
from typing import TextIO

import typer

from retrain.cli.ending import INTERRUPTED
from retrain.cli.metrics import told
from retrain.cli.output import note, put_json
from retrain.cli.times import clock
from retrain.client import (
    Client,
    Ended,
    LogText,
    MetricsLogged,
    NextAttempt,
    Restarted,
    Run,
    StatusChanged,
    Waiting,
)


class Lines:
    """Keeps our lines apart from a log that may stop in the middle of one."""

    def __init__(self) -> None:
        self._open: TextIO | None = None

    def log(self, text: LogText) -> None:
        stream = sys.stdout if text.file == "stdout.txt" else sys.stderr
        if self._open is not stream:
            self._close()
        stream.write(text.text)
        stream.flush()
        self._open = None if text.text.endswith(("\n", "\r")) else stream

    def own(self, text: str) -> None:
        self._close()
        note(text)

    def _close(self) -> None:
        if self._open is not None:
            self._open.write("\n")
            self._open.flush()
            self._open = None


def stream(client: Client, name: str, *, json: bool) -> int:
    """Show the run until it is over; return 0 when it Completed and 1 when it did not.

    Ctrl-C ends the showing, not the run (130).
    """
    try:
        run = _show_json(client, name) if json else _show(client, name)
    except KeyboardInterrupt:
        note(f"\nThe run goes on. See it with `retrain job stream {name}`,")
        note(f"end it with `retrain job cancel {name}`.")
        return INTERRUPTED
    return 0 if run["status"] == "Completed" else 1


def _show(client: Client, name: str) -> Run:
    lines, waiting = Lines(), False
    for item in client.follow(name):
        match item:
            case LogText():
                lines.log(item)
            case StatusChanged() | MetricsLogged() | Restarted() | NextAttempt():
                lines.own(_line(item))
            case Waiting():
                if not waiting:
                    lines.own(item.message)
            case Ended():
                _explain_end(lines, item.run)
                return item.run
        waiting = isinstance(item, Waiting)
    raise typer.Abort  # never: follow ends with Ended


def _line(item: StatusChanged | MetricsLogged | Restarted | NextAttempt) -> str:
    match item:
        case StatusChanged():
            remark = f"  {item.note}" if item.note else ""
            return f"[{clock(item.at, '%H:%M:%S')}] {item.status}{remark}"
        case MetricsLogged():
            return f"[metrics] {told(item.points)}"
        case Restarted() | NextAttempt():
            return item.message


def _explain_end(lines: Lines, run: Run) -> None:
    if error := run["error"]:
        lines.own(f"error: {error['code']}: {error['message']}")
        if error["remedy"]:
            lines.own(error["remedy"])
    elif run["status"] == "Completed":
        lines.own(f"Get its files with `retrain job download {run['name']}`.")
    elif run["status"] == "Canceled" and run["started_at"]:
        lines.own("The run was canceled. What its script had printed until then is kept:")
        lines.own(f"`retrain job download {run['name']}`.")
    elif run["status"] == "Canceled":
        lines.own("The run was canceled before its script began.")


_EVENTS = {LogText: "log", StatusChanged: "status", NextAttempt: "attempt"}


def _show_json(client: Client, name: str) -> Run:
    for item in client.follow(name):
        match item:
            case LogText() | StatusChanged() | NextAttempt():
                put_json({"event": _EVENTS[type(item)], **asdict(item)}, line=True)
            case Restarted():
                put_json({"event": "restarted", "count": item.count}, line=True)
            case MetricsLogged():
                put_json({"event": "metrics", "metrics": item.points}, line=True)
            case Waiting():
                note(item.message)
            case Ended():
                put_json({"event": "ended", "run": item.run}, line=True)
                return item.run
    raise typer.Abort  # never: follow ends with Ended
