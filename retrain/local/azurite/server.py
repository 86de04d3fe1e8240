"""Azurite as a supervised child: started, listened to, and never left behind.

The child gets a session of its own, so that Ctrl-C or a kill of our group does not reach it before
it has saved; it ends when its standard input does (see orphan.cjs), that is, whenever we do.
"""

import asyncio
import logging
import socket
from collections import Counter, deque
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Self

from retrain.local.azurite.access_log import parse
from retrain.local.azurite.claim import claim_for, release_orphan
from retrain.local.azurite.command import find_azurite
from retrain.local.azurite.events import BlobEvents
from retrain.local.azurite.rest import ACCOUNT, KEY, BlobReader

log = logging.getLogger(__name__)

_READY = "successfully listens on"
_START_SECONDS = 60
_STOP_SECONDS = 10


class AzuriteFailed(RuntimeError):
    """Azurite ended when it should run; the message holds its last words."""


@dataclass(frozen=True, slots=True)
class AzuriteSettings:
    """Where Azurite listens (port 0: any free one) and keeps its blobs, and what starts it."""

    data: Path
    host: str = "127.0.0.1"
    port: int = 10000
    command: tuple[str, ...] = field(default_factory=find_azurite)


class AzuriteServer:
    """Blob Storage on loopback. `events` tells of blobs made, `calls` counts operations by kind."""

    def __init__(self, settings: AzuriteSettings) -> None:
        self.settings = settings
        self.port = settings.port
        self.calls: Counter[str] = Counter()
        self._process: asyncio.subprocess.Process | None = None
        self._stopping = False
        self._reading: asyncio.Task[None] | None = None
        self._last_words: deque[str] = deque(maxlen=20)

    @property
    def url(self) -> str:
        """The account's URL, path-style; known once started."""
        return f"http://{self.settings.host}:{self.port}/{ACCOUNT}"

    @property
    def connection_string(self) -> str:
        return (
            f"DefaultEndpointsProtocol=http;AccountName={ACCOUNT};AccountKey={KEY};"
            f"BlobEndpoint={self.url};"
        )

    async def start(self) -> None:
        """Start Azurite and return when it answers.

        Raises OSError when the port is taken, DataFolderInUse when another stack has the folder,
        AzuriteFailed when it ends at once or is silent for a minute.
        """
        data = self.settings.data.resolve()
        data.mkdir(parents=True, exist_ok=True)
        await asyncio.to_thread(release_orphan, self._claim)
        self._refuse_taken_port()
        self._process = await asyncio.create_subprocess_exec(
            *self._command(data),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            start_new_session=True,
            limit=1 << 20,  # a log line holds a URL, and a blob's name may be long
        )
        claim_for(self._process.pid).write(self._claim)
        try:
            await asyncio.wait_for(self._until_ready(self._process), _START_SECONDS)
        except BaseException:
            await self.stop()
            raise
        self.reader = BlobReader(self.url)
        self.events = BlobEvents(self.reader, data / "events.json")
        self.events.ensure_mark()  # before anybody can upload
        self._reading = asyncio.create_task(self._read_log(self._process))
        await self.reader.containers()

    async def stop(self) -> None:
        """Let Azurite save and end; kill it when that takes more than ten seconds."""
        process, self._process = self._process, None
        if process is None:
            return
        self._stopping = True
        if self._reading:
            await self.events.stop()
            await self.reader.close()
        assert process.stdin is not None
        process.stdin.close()
        try:
            await asyncio.wait_for(self._ended(process), _STOP_SECONDS)
        except TimeoutError:
            log.warning("Azurite did not end within %s s and is killed", _STOP_SECONDS)
            process.kill()
            await self._ended(process)
        self._claim.unlink(missing_ok=True)

    async def _ended(self, process: asyncio.subprocess.Process) -> None:
        if self._reading:
            await asyncio.shield(self._reading)
        await process.wait()

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.stop()

    @property
    def _claim(self) -> Path:
        return self.settings.data.resolve() / "azurite.pid"

    def _command(self, data: Path) -> list[str]:
        node, *script = self.settings.command
        here = Path(__file__).parent
        ours = [f"--require={here / name}" for name in ("orphan.cjs", "journal.cjs")]
        place = ["--blobHost", self.settings.host, "--blobPort", str(self.settings.port)]
        return [
            *(node, "--no-warnings", *ours, *script, *place),
            *("--location", str(data), "--disableTelemetry", "--skipApiVersionCheck"),
            *("--blobKeepAliveTimeout", "60"),  # its 5 s race with clients that keep connections
        ]

    def _refuse_taken_port(self) -> None:
        # Azurite itself says so only after two seconds.
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((self.settings.host, self.settings.port))
            except OSError as error:
                raise OSError(
                    error.errno,
                    f"Blob Storage can't listen on {self.settings.host}:{self.settings.port}: "
                    f"{error.strerror}. Stop what uses the port, or choose another one.",
                ) from error

    async def _until_ready(self, process: asyncio.subprocess.Process) -> None:
        async for line in self._lines(process):
            self._last_words.append(line)
            if _READY in line:
                self.port = int(line.rsplit(":", 1)[1])
                return
        raise AzuriteFailed("Azurite ended at once: " + " | ".join(self._last_words))

    async def _read_log(self, process: asyncio.subprocess.Process) -> None:
        async for line in self._lines(process):
            request = parse(line)
            if request is None:
                self._last_words.append(line)
                continue
            self.calls[request.kind] += 1
            if request.created:
                self.events.publish(request.created)
        if not self._stopping:
            log.error("Azurite ended by itself: %s", " | ".join(self._last_words))

    async def _lines(self, process: asyncio.subprocess.Process) -> AsyncIterator[str]:
        assert process.stdout is not None
        while line := await process.stdout.readline():
            yield line.decode(errors="replace").rstrip()
