"""The emulator's end of the warden: start a process, hear how it ended, end it and all it started.

The warden is started with the first process, in a few tens of milliseconds, and again should it
have died. Output goes straight to files; nothing of it passes through here.
"""

from __future__ import annotations

import asyncio
import json
import os
import socket
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from retrain.local.batch.execution import Usage

WARDEN: Final = Path(__file__).with_name("warden.py")
LINE_BYTES: Final = 4096


@dataclass(frozen=True, slots=True)
class Command:
    """A program to run: no shell, a complete environment, and files for what it prints.

    notice: lines that stand in `stderr` before its own.
    """

    argv: Sequence[str]
    environment: Mapping[str, str]
    cwd: Path
    stdout: Path
    stderr: Path
    notice: str = ""


class GuardLost(Exception):
    """A guard ended before its task was known to have ended: it was killed from outside."""


class Running:
    """One process under guard. `pid` is the process's own; `usage` is known when it has ended."""

    def __init__(self, line: socket.socket) -> None:
        self.pid = 0
        self.usage: Usage | None = None
        self._line = line
        self._heard = b""

    async def wait(self) -> int:
        """Return the wait status when the process and all it started are gone. Raises GuardLost."""
        words = await self.hear()
        status: int | None = words.get("status")
        if status is None:
            raise GuardLost
        user, kernel, read, written = words["usage"]
        self.usage = Usage(user, kernel, int(read), int(written))
        return status

    def kill(self) -> None:
        """Ask the guard to kill everything; `wait` tells when that is done."""
        try:
            self._line.shutdown(socket.SHUT_WR)
        except OSError:  # the guard is gone, and so is the process
            return

    async def end(self) -> None:
        """Kill everything, and return when it is gone."""
        self.kill()
        while await self.hear():
            pass

    def close(self) -> None:
        """Let go of the guard; should the process still run, this kills it."""
        self._line.close()

    async def hear(self) -> dict[str, Any]:
        """The guard's next words; none at all when it is gone."""
        loop = asyncio.get_running_loop()
        while b"\n" not in self._heard:
            try:
                heard = await loop.sock_recv(self._line, LINE_BYTES)
            except ConnectionError:
                heard = b""
            if not heard:
                return {}
            self._heard += heard
        first, self._heard = self._heard.split(b"\n", 1)
        words: dict[str, Any] = json.loads(first)
        return words


class Processes:
    """Starts processes through a warden that it keeps. `marks` is the warden's environment."""

    def __init__(self, marks: Mapping[str, str], trace: Path) -> None:
        self._marks = marks
        self._trace = trace
        self._warden: subprocess.Popen[bytes] | None = None
        self._control: socket.socket | None = None

    @property
    def pid(self) -> int | None:
        """The warden's pid while it lives."""
        alive = self._warden is not None and self._warden.poll() is None
        return self._warden.pid if self._warden is not None and alive else None

    async def start(self, command: Command) -> Running:
        """Start it. Raises OSError with exec's errno when it can't be run, or GuardLost."""
        if command.notice:
            command.stderr.write_text(command.notice, encoding="utf-8")
        ours, theirs = socket.socketpair()
        ours.setblocking(False)
        running = Running(ours)
        try:
            with theirs:
                socket.send_fds(self.warm(), [b"!"], [theirs.fileno()])
            order = json.dumps(
                {
                    "argv": list(command.argv),
                    "environment": dict(command.environment),
                    "cwd": str(command.cwd),
                    "stdout": str(command.stdout),
                    "stderr": str(command.stderr),
                    "noticed": bool(command.notice),
                }
            )
            await asyncio.get_running_loop().sock_sendall(ours, order.encode() + b"\n")
            running.pid = _pid(await running.hear())
        except BaseException:
            await asyncio.shield(running.end())
            running.close()
            raise
        return running

    def warm(self) -> socket.socket:
        """The control socket of a living warden."""
        if self._control is None or self.pid is None:
            self.stop()
            self._control, theirs = socket.socketpair()
            with theirs, self._trace.open("ab") as trace:
                self._warden = subprocess.Popen(  # noqa: S603  our own file
                    [sys.executable, "-I", "-S", str(WARDEN), str(theirs.fileno())],
                    env=dict(self._marks),
                    pass_fds=[theirs.fileno()],
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.DEVNULL,
                    stderr=trace,
                    start_new_session=True,
                )
        return self._control

    def stop(self) -> None:
        """End the warden. Guards end by themselves when their lines are closed."""
        if self._control is not None:
            self._control.close()
            self._control = None
        if self._warden is not None:
            self._warden.wait()  # it reads the end of the control socket and returns
            self._warden = None


def _pid(words: Mapping[str, Any]) -> int:
    number: int | None = words.get("errno")
    if number is not None:
        raise OSError(number, os.strerror(number))
    pid: int | None = words.get("started")
    if pid is None:
        raise GuardLost
    return pid
