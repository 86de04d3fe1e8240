"""Azurite as a supervised child: started, listened to, started again when it dies."""

import asyncio
import logging
import socket
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Self

import httpx

from retrain.local.azurite.access_log import parse
from retrain.local.azurite.claim import claim_for, release_orphan
from retrain.local.azurite.command import find_azurite
from retrain.local.azurite.events import BlobEvents
from retrain.local.azurite.fault_line import FaultLine
from retrain.local.azurite.process import AzuriteFailed, AzuriteProcess
from retrain.local.azurite.rest import ACCOUNT, KEY, BlobReader
from retrain.local.faults import Faults

log = logging.getLogger(__name__)

#: Deaths of Azurite within so many seconds of its start are counted; after so many it is given up.
_SHORT_LIFE = 30.0
_SHORT_LIVES = 5
#: Until one that has died is replaced, in seconds.
_ASK_AGAIN = 0.1


@dataclass(frozen=True, slots=True)
class AzuriteSettings:
    """Where Azurite listens (port 0: any free one) and keeps its blobs, and what starts it.

    faults: those it suffers; None: it never will, and is not slowed down by being asked.
    """

    data: Path
    host: str = "127.0.0.1"
    port: int = 10000
    command: tuple[str, ...] = field(default_factory=find_azurite)
    faults: Faults | None = None


class AzuriteServer:
    """Blob Storage on loopback. `events` tells of blobs made, `calls` counts operations by kind."""

    def __init__(self, settings: AzuriteSettings) -> None:
        self.settings = settings
        self.port = settings.port
        self.calls: Counter[str] = Counter()
        self._process: AzuriteProcess | None = None
        self._tending: asyncio.Task[None] | None = None
        self._fault_line: FaultLine | None = None
        self._stopping = False

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

    @property
    def pid(self) -> int | None:
        """Azurite's process id, None when it does not run."""
        return self._process.pid if self._process else None

    async def start(self) -> None:
        """Start Azurite and return when it answers.

        Raises OSError when the port is taken, DataFolderInUse when another stack has the folder,
        AzuriteFailed when it ends at once or is silent for a minute.
        """
        data = self.settings.data.resolve()
        data.mkdir(parents=True, exist_ok=True)
        await asyncio.to_thread(release_orphan, self._claim)
        _refuse_taken_port(self.settings.host, self.settings.port)
        self._stopping = False
        self._process = process = await self._launch()
        self.reader = BlobReader(self.url)
        self.events = BlobEvents(self.reader, data / "events.json")
        self.events.ensure_mark()  # before anybody can upload
        self._tending = asyncio.create_task(self._tend(process))
        try:
            await self._until_answers()
        except BaseException:
            await self.stop()
            raise

    async def _until_answers(self) -> None:
        """It listens, but may be killed before it has answered: then the next one is asked."""
        assert self._tending is not None
        while True:
            try:
                await self.reader.containers()
            except httpx.TransportError as error:
                if self._tending.done():
                    raise AzuriteFailed(f"Azurite does not answer: {error}.") from error
                await asyncio.sleep(_ASK_AGAIN)
            else:
                return

    async def stop(self) -> None:
        """Let Azurite save and end; kill it when that takes more than ten seconds."""
        tending, self._tending = self._tending, None
        if tending is None:
            return
        self._stopping = True
        await self.events.stop()
        await self.reader.close()
        if self._process:
            await self._process.stop()
            self._process = None
        else:
            tending.cancel()  # it waits to start the next one
        await asyncio.gather(tending, return_exceptions=True)
        if self._process:
            await self._process.stop()  # it had just started it
        await self._end_fault_line()
        self._claim.unlink(missing_ok=True)

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

    async def _launch(self) -> AzuriteProcess:
        data = self.settings.data.resolve()
        await self._end_fault_line()
        if self.settings.faults is not None:
            self._fault_line = FaultLine(self.settings.faults)
        try:
            process = await AzuriteProcess.launch(
                self.settings.command, data, self.settings.host, self.port, self._fault_line
            )
        except BaseException:
            await self._end_fault_line()
            raise
        self.port = process.port
        claim_for(process.pid).write(self._claim)
        return process

    async def _end_fault_line(self) -> None:
        line, self._fault_line = self._fault_line, None
        if line:
            await line.close()

    async def _tend(self, process: AzuriteProcess) -> None:
        short_lives = 0
        while True:
            began = time.monotonic()
            await self._read_log(process)
            self._process = None
            if self._stopping:
                return
            short_lives = short_lives + 1 if time.monotonic() - began < _SHORT_LIFE else 0
            log.error("Azurite ended by itself: %s", " | ".join(process.last_words))
            if short_lives == _SHORT_LIVES:
                log.critical("Azurite ended %s times at once and is given up", short_lives)
                return
            await asyncio.sleep(short_lives * 0.2)
            try:
                self._process = process = await self._launch()
            except (AzuriteFailed, OSError):
                log.critical("Azurite can't be started again", exc_info=True)
                return
            self.events.repeat()

    async def _read_log(self, process: AzuriteProcess) -> None:
        async for line in process.lines():
            request = parse(line)
            if request is None:
                process.last_words.append(line)
                continue
            self.calls[request.kind] += 1
            if request.created:
                self.events.publish(request.created)


def _refuse_taken_port(host: str, port: int) -> None:
    # Azurite itself says so only after two seconds.
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            raise OSError(
                error.errno,
                f"Blob Storage can't listen on {host}:{port}: {error.strerror}. "
                "Stop what uses the port, or choose another one.",
            ) from error
