"""One Azurite process: how it is started, when it is ready, what it says, how it ends.

The child gets a session of its own, so that Ctrl-C or a kill of our group does not reach it before
it has saved; it ends when its standard input does (see orphan.cjs), that is, whenever we do.
"""

import asyncio
import logging
import os
from collections import deque
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Self

from retrain.local.azurite.fault_line import FaultLine
from retrain.local.azurite.rest import AGENT

log = logging.getLogger(__name__)

_READY = "successfully listens on"
_START_SECONDS = 60
_STOP_SECONDS = 10
#: V8 made small: by default it lets garbage wait, and the whole stack peaks at 400 MiB, not at 260.
#: The nursery of 4 MiB keeps collections rare enough.
_SMALL = ("--optimize-for-size", "--max-semi-space-size=4")


class AzuriteFailed(RuntimeError):
    """Azurite ended when it should run; the message holds its last words."""


class AzuriteProcess:
    """A running Azurite. `last_words` is what it said, but for its access log."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.pid = process.pid
        self.port = 0
        self.last_words: deque[str] = deque(maxlen=20)
        self._process = process

    @classmethod
    async def launch(
        cls,
        command: tuple[str, ...],
        data: Path,
        host: str,
        port: int,
        fault_line: FaultLine | None = None,
    ) -> Self:
        """Start Azurite and return when it listens.

        Raises AzuriteFailed when it ends at once or is silent for a minute.
        """
        preloads = ["orphan.cjs", "journal.cjs"]
        inherited: tuple[int, ...] = ()
        environment = dict(os.environ)
        if fault_line is not None:
            preloads.append("faults.cjs")
            inherited = (fault_line.descriptor,)
            environment["RETRAIN_FAULT_LINE"] = str(fault_line.descriptor)
            environment["RETRAIN_OWN_AGENT"] = AGENT
        process = await asyncio.create_subprocess_exec(
            *_command(command, preloads, data, host, port),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            start_new_session=True,
            env=environment,
            pass_fds=inherited,
            limit=1 << 20,  # a log line holds a URL, and a blob's name may be long
        )
        if fault_line is not None:
            fault_line.serve()
        made = cls(process)
        try:
            await asyncio.wait_for(made._until_ready(), _START_SECONDS)
        except TimeoutError:
            await made.stop()
            raise AzuriteFailed(f"Azurite said nothing for {_START_SECONDS} s.") from None
        except BaseException:
            await made.stop()
            raise
        return made

    async def lines(self) -> AsyncIterator[str]:
        """What it prints, line by line, until it ends."""
        assert self._process.stdout is not None
        while line := await self._process.stdout.readline():
            yield line.decode(errors="replace").rstrip()

    async def stop(self) -> None:
        """Let it save and end; kill it when that takes more than ten seconds."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        try:
            await asyncio.wait_for(self._process.wait(), _STOP_SECONDS)
        except TimeoutError:
            log.warning("Azurite did not end within %s s and is killed", _STOP_SECONDS)
            self._process.kill()
            await self._process.wait()

    async def _until_ready(self) -> None:
        async for line in self.lines():
            self.last_words.append(line)
            if _READY in line:
                self.port = int(line.rsplit(":", 1)[1])
                return
        raise AzuriteFailed("Azurite ended at once: " + " | ".join(self.last_words))


def _command(
    command: tuple[str, ...], preloads: list[str], data: Path, host: str, port: int
) -> list[str]:
    node, *script = command
    here = Path(__file__).parent
    ours = [f"--require={here / name}" for name in preloads]
    return [
        *(node, "--no-warnings", *_SMALL, *ours, *script),
        *("--blobHost", host, "--blobPort", str(port)),
        *("--location", str(data), "--disableTelemetry", "--skipApiVersionCheck"),
        *("--blobKeepAliveTimeout", "60"),  # its 5 s race with clients that keep connections
    ]
