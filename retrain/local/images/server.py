"""The image builder as a server: its life, and what it says over HTTP (api.py)."""

import asyncio
import logging
import os
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

from filelock import FileLock, Timeout

from retrain.local.engine import Engine
from retrain.local.host.http_server import HttpServer
from retrain.local.images.api import application
from retrain.local.images.builds import Builds
from retrain.local.images.children import Children
from retrain.local.images.container_images import ContainerImages
from retrain.local.images.making import Maker
from retrain.local.images.virtual_environments import VirtualEnvironments

log = logging.getLogger(__name__)

_PATIENCE_SECONDS = 2  # for answers under way; each takes milliseconds


@dataclass(frozen=True, slots=True)
class ImageSettings:
    """Where it listens (port 0: any free one), keeps its data, and what it builds with.

    `engine` None: virtual environments, made by the uv at the path `uv`.
    """

    data: Path
    engine: Engine | None
    uv: str
    host: str = "127.0.0.1"
    port: int = 0


class ImageBuilder:
    """Makes environments on this machine, on request over HTTP at `url`."""

    def __init__(self, settings: ImageSettings) -> None:
        self.settings = settings
        self.port = settings.port
        self._data = settings.data.resolve()
        self._children = Children(self._data)
        self._builds = Builds(self._data, self._maker(), self._opening())
        self._lock = FileLock(self._data / "builder.lock", blocking=False)
        self._http: HttpServer | None = None

    @property
    def url(self) -> str:
        """Known once started."""
        return f"http://{self.settings.host}:{self.port}"

    @property
    def environments(self) -> Path:
        """The folder in which each virtual environment that is ready stands under its key."""
        return self._data / "environments"

    async def start(self) -> None:
        """End what a killed builder left behind, then listen.

        Raises OSError when the port is taken, or another builder has the data folder.
        """
        self.environments.mkdir(parents=True, exist_ok=True)
        try:
            self._lock.acquire()
        except Timeout as taken:
            raise OSError(
                f"Another image builder uses {self._data}. Stop it, or choose another --data."
            ) from taken
        try:
            ended = await asyncio.to_thread(self._children.end_all)
            if ended:
                log.warning("ended %s processes that an earlier image builder left", ended)
            self._http = self._listen()
            await self._http.start()
        except BaseException:
            self._lock.release()
            raise
        self.port = self._http.port
        log.info("image builder: %s", self._opening())

    async def stop(self) -> None:
        """End builds under way; they begin again when they are next asked for."""
        http, self._http = self._http, None
        if http is None:
            return
        await http.stop(_PATIENCE_SECONDS)
        if await self._builds.stop():
            await asyncio.to_thread(self._children.end_all)
        self._lock.release()

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

    def _listen(self) -> HttpServer:
        host, port = self.settings.host, self.settings.port
        try:
            return HttpServer(application(self._builds, host), host, port)
        except OSError as error:
            raise OSError(
                error.errno,
                f"The image builder can't listen on {host}:{port}: "
                f"{os.strerror(error.errno or 0)}. Stop what uses the port, or choose another one.",
            ) from error

    def _maker(self) -> Maker:
        engine = self.settings.engine
        if engine is None:
            return VirtualEnvironments(self._data, self.settings.uv, self._children)
        return ContainerImages(self._data, engine, self._children)

    def _opening(self) -> str:
        """The first line of every log: what is built here, and why that."""
        if self.settings.engine is None:
            return (
                "No container engine is used: building a virtual environment with "
                f"{self.settings.uv}."
            )
        return f"Found {self.settings.engine.name}: building an image with it."
