"""One Azurite per data folder: who runs it is written beside the data.

A stack that is killed takes Azurite with it, but not in the same instant: it still saves its
index. The next stack finds the claim, sees that its owner is gone, and waits for the child to end
before it starts its own. A claim whose owner lives is a second stack on the same data, refused.
"""

import json
from dataclasses import asdict, dataclass
from pathlib import Path

import psutil


class DataFolderInUse(RuntimeError):
    """Another stack that is alive runs Azurite on the same data folder."""


@dataclass(frozen=True, slots=True)
class Claim:
    """A process and its owner, each with its start time: a pid alone may be another's by now."""

    pid: int
    started: float
    owner: int
    owner_started: float

    def write(self, file: Path) -> None:
        file.write_text(json.dumps(asdict(self)))


def claim_for(pid: int) -> Claim:
    """A claim of this process on its child `pid`."""
    me = psutil.Process()
    return Claim(pid, psutil.Process(pid).create_time(), me.pid, me.create_time())


def release_orphan(file: Path, patience_seconds: float = 10) -> None:
    """End the Azurite that a killed stack left on this data folder, if there is one.

    It is given `patience_seconds` to save and close by itself. Raises DataFolderInUse when the
    stack that started it is alive.
    """
    claim = _read(file)
    child = _process(claim.pid, claim.started) if claim else None
    if claim and child:
        owner = _process(claim.owner, claim.owner_started)
        if owner:
            raise DataFolderInUse(
                f"The data folder {file.parent} is in use by process {owner.pid}. "
                "Stop that one first, or start this one with another data folder."
            )
        _end(child, patience_seconds)
    file.unlink(missing_ok=True)


def _end(child: psutil.Process, patience_seconds: float) -> None:
    try:
        child.wait(patience_seconds)  # it ends by itself: its standard input has ended
    except psutil.TimeoutExpired:
        child.kill()
        child.wait(patience_seconds)
    except psutil.NoSuchProcess:
        return


def _read(file: Path) -> Claim | None:
    try:
        return Claim(**json.loads(file.read_text()))
    except (FileNotFoundError, ValueError, TypeError):
        return None  # never written, or half written by a stack that was killed


def _process(pid: int, started: float) -> psutil.Process | None:
    try:
        process = psutil.Process(pid)
        if process.create_time() != started or process.status() == psutil.STATUS_ZOMBIE:
            return None
    except psutil.NoSuchProcess:
        return None
    else:
        return process
