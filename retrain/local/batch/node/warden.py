"""The warden: a small process that starts tasks and lets nothing they started outlive them.

    emulator ── control socket ──▶ warden ── fork per task ──▶ guard ── spawn ──▶ the task
        └────────────────── a socket of its own for each task ──┘

The emulator starts one warden and hands it the end of a socket pair for each task; the warden
forks a guard that keeps it. A guard is a *child subreaper*: whatever the task leaves behind,
`setsid`, double fork and wiped environment included, becomes the guard's child, so the guard can
name and kill every descendant without a look at the machine's other processes. When its socket
closes, because the emulator asks for it or was killed itself, the guard kills the task at once.

Where there is no subreaper (macOS) the guard kills the task's process group, and the emulator looks
for what is left by the marker in its environment (`leftovers`).

This file is run by path in an isolated interpreter, so that a fork is cheap: standard library
only, and no import that takes time. On a task's socket travel lines of JSON: first the order,
`{"argv", "environment", "cwd", "stdout", "stderr", "noticed"}`, then back `{"started": pid}` or
`{"errno": n}`, and at the end `{"status": wait status, "usage": [...]}` when nothing
of the task is left.
"""

from __future__ import annotations

import ctypes
import gc
import json
import os
import resource
import select
import signal
import socket
import sys
from contextlib import suppress
from types import FrameType
from typing import Any, TypedDict

PR_SET_CHILD_SUBREAPER = 36
PATIENCE_SECONDS = 0.02  # between two looks at descendants that are slow to die
LAST_LOOK = 500  # what can't be killed by then (another user's, stuck in the kernel) stays

_libc = ctypes.CDLL(None) if sys.platform == "linux" else None


class Order(TypedDict):
    """What to run, where, and the files that take its output. noticed: stderr has lines already."""

    argv: list[str]
    environment: dict[str, str]
    cwd: str
    stdout: str
    stderr: str
    noticed: bool


def main() -> None:
    """Serve tasks until the emulator closes the control socket, whose descriptor is argv[1]."""
    control = socket.socket(fileno=int(sys.argv[1]))
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # guards need no burial
    gc.freeze()  # what is shared by all guards stays untouched, so it is never copied
    while True:
        message, descriptors, _, _ = socket.recv_fds(control, 1, 1)
        if not message:
            return
        if os.fork() == 0:
            control.close()
            _guard(descriptors[0])
        os.close(descriptors[0])


def _guard(descriptor: int) -> None:
    try:
        line = socket.socket(fileno=descriptor)
        line.set_inheritable(False)
        Guard(line).keep()
    except BaseException:  # noqa: BLE001  a fork must end here, whatever happens, and say why
        sys.excepthook(*sys.exc_info())
    finally:
        os._exit(0)


class Guard:
    """One task's keeper, in a process of its own."""

    def __init__(self, line: socket.socket) -> None:
        os.setsid()
        if _libc is not None:
            _libc.prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
        self._line = line
        self._wakeup, wakeup = os.pipe()
        os.set_blocking(self._wakeup, False)
        os.set_blocking(wakeup, False)
        signal.signal(signal.SIGCHLD, _notice)
        signal.set_wakeup_fd(wakeup, warn_on_full_buffer=False)
        self._task = 0
        self._status: int | None = None

    def keep(self) -> None:
        """Start the task that the line orders, and end everything of it with it."""
        with self._line.makefile("rb") as reader:
            order = reader.readline()
        if not order.endswith(b"\n"):
            return  # the emulator is gone already
        try:
            self._task = start(json.loads(order))
        except OSError as error:
            self._say({"errno": error.errno})
            return
        self._say({"started": self._task})
        self._wait()
        self._end()
        self._say({"status": self._status, "usage": usage()})

    def _wait(self) -> None:
        """Return when the task has ended, or when the emulator wants it to."""
        while self._bury() and self._status is None:
            ready, _, _ = select.select([self._line.fileno(), self._wakeup], [], [])
            if self._line.fileno() in ready:
                return
            self._drain()

    def _end(self) -> None:
        for _ in range(LAST_LOOK):
            for pid in children() or [self._task] * (self._status is None):
                _kill(pid)
            if not self._bury():
                return
            select.select([self._wakeup], [], [], PATIENCE_SECONDS)
            self._drain()

    def _bury(self) -> bool:
        """Collect the dead. Returns whether a child is left alive."""
        while True:
            try:
                dead = os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
            except ChildProcessError:
                return False
            if dead is None:
                return True
            if dead.si_pid == self._task:
                _kill(self._task)  # its group, while the unburied leader keeps the id from others
            pid, status = os.waitpid(dead.si_pid, 0)
            if pid == self._task:
                self._status = status

    def _drain(self) -> None:
        with suppress(BlockingIOError):
            os.read(self._wakeup, 4096)

    def _say(self, words: dict[str, Any]) -> None:
        with suppress(OSError):  # the emulator is gone: nobody listens
            self._line.sendall(json.dumps(words).encode() + b"\n")


def start(order: Order) -> int:
    """Start the order's command in a session of its own; return its pid.

    Raises OSError when it can't be run. The guard itself takes the task's folder and PATH, since
    posix_spawn, which is twice as fast as fork and exec, looks for the program by them.
    """
    os.chdir(order["cwd"])
    os.environ["PATH"] = order["environment"].get("PATH", os.defpath)
    further = os.O_WRONLY | os.O_CREAT | os.O_APPEND
    fresh = further | os.O_TRUNC
    noticed = further if order["noticed"] else fresh
    return os.posix_spawnp(
        order["argv"][0],
        order["argv"],
        order["environment"],
        file_actions=[
            (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
            (os.POSIX_SPAWN_OPEN, 1, order["stdout"], fresh, 0o644),
            (os.POSIX_SPAWN_OPEN, 2, order["stderr"], noticed, 0o644),
        ],
        setsid=True,
        setsigdef=[signal.SIGCHLD, signal.SIGPIPE, signal.SIGXFSZ],
    )


def children() -> list[int]:
    """This process's children, dead ones too, as the kernel lists them; [] where it can't say."""
    try:
        with open(f"/proc/self/task/{os.getpid()}/children") as listing:  # noqa: PTH123  no pathlib
            return [int(pid) for pid in listing.read().split()]
    except OSError:  # a kernel built without that list
        return [pid for pid in processes() if parent(pid) == os.getpid()]


def usage() -> list[float]:
    """Seconds of CPU in user and kernel mode, blocks read and written, of all that was buried."""
    buried = resource.getrusage(resource.RUSAGE_CHILDREN)
    return [buried.ru_utime, buried.ru_stime, buried.ru_inblock, buried.ru_oublock]


def processes() -> list[int]:
    """Every process there is, where /proc tells."""
    try:
        return [int(name) for name in os.listdir("/proc") if name.isdigit()]  # noqa: PTH208
    except OSError:
        return []


def parent(pid: int) -> int:
    """The process's parent; 0 when it is gone."""
    try:
        with open(f"/proc/{pid}/stat", "rb") as line:  # noqa: PTH123  no pathlib
            return int(line.read().rpartition(b")")[2].split()[1])
    except OSError:
        return 0


def _kill(pid: int) -> None:
    """Kill the process, and the group it leads if it leads one."""
    for kill in (os.killpg, os.kill):
        with suppress(OSError):  # no such group, dead already, or not ours to kill
            kill(pid, signal.SIGKILL)


def _notice(number: int, frame: FrameType | None) -> None:
    """Let SIGCHLD wake the guard; were it ignored, the kernel would bury the children unseen."""


if __name__ == "__main__":
    main()
