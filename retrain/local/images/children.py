"""Builds are other programs: they are run in sessions of their own, and none outlives its builder.

Each carries a mark in its environment that names the builder's data folder, so that a builder that
was killed leaves nothing its next life can't find.
"""

import asyncio
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import psutil

from retrain.local.batch.node.leftovers import marked
from retrain.local.images.making import BuildLog

MARK: Final = "RETRAIN_IMAGES"
#: What would make uv or an engine act on the environment we ourselves run in.
_OURS: Final = (
    "VIRTUAL_ENV",
    "CONDA_PREFIX",
    "PYTHONPATH",
    "PYTHONHOME",
    "UV_PROJECT",
    "UV_PYTHON",
)
_PASSES: Final = 50  # one that starts children faster than they are ended is met again


@dataclass(frozen=True, slots=True)
class Children:
    """Runs programs for the builder that keeps its data in `data`."""

    data: Path
    changes: Mapping[str, str] = field(default_factory=dict)

    async def run(self, command: Sequence[str], log: BuildLog) -> int:
        """Return the exit code; what the program prints goes to the log. Cancelling ends it."""
        log.say(f"$ {' '.join(command)}")
        with log.path.open("ab") as file:
            process = await asyncio.create_subprocess_exec(
                *command,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=file,
                stderr=asyncio.subprocess.STDOUT,
                env=self._environment(),
                start_new_session=True,
            )
        return await self._wait(process)

    async def output(self, command: Sequence[str]) -> tuple[int, str]:
        """Exit code and standard output of a program that asks something; errors are dropped."""
        process = await asyncio.create_subprocess_exec(
            *command,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
            env=self._environment(),
            start_new_session=True,
        )
        try:
            printed, _ = await process.communicate()
        finally:
            await self._wait(process)
        return process.returncode or 0, printed.decode(errors="replace")

    def end_all(self) -> int:
        """End every program of this data folder, of this life or an earlier one. Blocks."""
        ended: set[int] = set()
        for _ in range(_PASSES):
            found = marked(MARK, str(self.data))
            if not found:
                break
            for root in found:
                ended |= _kill_tree(root.pid)
            psutil.wait_procs(found, timeout=1)
        return len(ended)

    async def _wait(self, process: asyncio.subprocess.Process) -> int:
        try:
            return await process.wait()
        finally:
            if process.returncode is None:
                _kill_tree(process.pid)
                await process.wait()

    def _environment(self) -> dict[str, str]:
        kept = {name: value for name, value in os.environ.items() if name not in _OURS}
        plain = {"NO_COLOR": "1", "UV_NO_PROGRESS": "1", "UV_PYTHON_DOWNLOADS": "never"}
        return {**kept, **plain, **self.changes, MARK: str(self.data)}


def _kill_tree(pid: int) -> set[int]:
    """Kill a process and all that descends from it; return who that was."""
    try:
        root = psutil.Process(pid)
        tree = [root, *root.children(recursive=True)]
    except psutil.NoSuchProcess:
        return set()
    for process in tree:
        try:
            process.kill()
        except psutil.NoSuchProcess:
            continue
    return {process.pid for process in tree}
