"""Finding processes by a mark in their environment, wherever in the process tree they ended up.

The guards (`warden`) end a task's processes without a search. This is the second net: for the next
life of an emulator that was killed together with its warden, for a guard that was killed itself,
and for systems without child subreapers. A process that also wiped its environment escapes it.
"""

from __future__ import annotations

from collections.abc import Collection

import psutil

NODE_MARK = "RETRAIN_NODE"  # which emulator, named by its data folder
TASK_MARK = "RETRAIN_TASK_KEY"  # which execution
LAST_LOOK = 50  # passes; one that forks faster than it is killed must be met more than once


def marked(name: str, value: str, spare: Collection[int] = ()) -> list[psutil.Process]:
    """The living processes whose environment holds name=value, but for the spared pids."""
    return [
        each for each in psutil.process_iter() if each.pid not in spare and _has(each, name, value)
    ]


def end(name: str, value: str, spare: Collection[int] = ()) -> int:
    """Kill every process so marked; return how many there were. Blocks until they are gone."""
    killed: set[int] = set()
    for _ in range(LAST_LOOK):
        found = marked(name, value, spare)
        if not found:
            break
        for each in found:
            _kill(each)
        psutil.wait_procs(found, timeout=1)
        killed.update(each.pid for each in found)
    return len(killed)


def tree(pid: int) -> set[int]:
    """The process and all its descendants; empty when it is gone."""
    try:
        root = psutil.Process(pid)
        return {pid, *(each.pid for each in root.children(recursive=True))}
    except psutil.Error:
        return set()


def _has(process: psutil.Process, name: str, value: str) -> bool:
    try:
        return process.environ().get(name) == value and process.status() != psutil.STATUS_ZOMBIE
    except (psutil.Error, OSError):  # gone, another user's, or a kernel thread
        return False


def _kill(process: psutil.Process) -> None:
    try:
        process.kill()
    except psutil.Error:
        return
