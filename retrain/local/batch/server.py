"""The Batch account on loopback, as one thing that starts and stops."""

from __future__ import annotations

import asyncio
from collections import Counter
from types import TracebackType
from typing import Self

from filelock import FileLock, Timeout

from retrain.local.batch.allocation import Allocation, Plenty
from retrain.local.batch.application import Application
from retrain.local.batch.clock import Clock
from retrain.local.batch.execution import Node
from retrain.local.batch.node import LocalNode
from retrain.local.batch.service import Service
from retrain.local.batch.settings import BatchSettings
from retrain.local.batch.shared_key import SharedKey
from retrain.local.faults import Action, Faults
from retrain.local.listener import Listener


class BatchServer:
    """An async context manager. `node` replaces what runs the processes, for tests; `allocation`
    what gives pools their nodes, which is at once unless the settings say how long it takes;
    `clock` the service's time.

    After `start`, `port` and `endpoint` are known; `calls` counts operations by the SDK's names.
    """

    def __init__(
        self,
        settings: BatchSettings,
        node: Node | None = None,
        allocation: Allocation | None = None,
        clock: Clock | None = None,
    ) -> None:
        self.settings = settings
        self.port = settings.port
        self._shared_key = SharedKey(settings.account, settings.key)
        self._node = node
        self._allocation = allocation
        self._clock = clock
        self._lock = FileLock(settings.data / "lock")
        self._listener = Listener("the Batch emulator", settings.silence_seconds)
        self._service: Service | None = None
        self._application: Application | None = None
        self._loop: asyncio.AbstractEventLoop | None = None

    @property
    def endpoint(self) -> str:
        """What clients connect to."""
        return f"http://{self.settings.host}:{self.port}"

    @property
    def calls(self) -> Counter[str]:
        """How often each operation was asked for since the start."""
        return self._application.calls if self._application else Counter()

    @property
    def service(self) -> Service:
        """The account at work, for what no client may ask for; use it in the server's event loop.

        Raises RuntimeError before `start` and after `stop`.
        """
        if self._service is None:
            raise RuntimeError("The Batch emulator is not running")
        return self._service

    @property
    def application(self) -> Application:
        """What answers, for those who ask it without a socket.

        Raises RuntimeError before `start`.
        """
        if self._application is None:
            raise RuntimeError("The Batch emulator is not running")
        return self._application

    def wake(self) -> None:
        """Look at what is due: for tests, which move their clock. From any thread."""
        if self._service is not None and self._loop is not None:
            self._loop.call_soon_threadsafe(self._service.schedules.wake)

    @property
    def faults(self) -> Faults:
        """What it suffers; rules may come and go at any time."""
        return self.settings.faults

    @property
    def actions(self) -> dict[str, Action]:
        """What the control endpoint can do to it at once."""
        return {
            "batch/preempt": lambda body: self.service.trouble.act_preempt(body),
            "batch/unusable": lambda body: self.service.trouble.act_unusable(body),
        }

    async def start(self) -> None:
        """Take up what is in the data folder, and listen.

        Raises OSError when the port is taken, RuntimeError when another emulator has the folder.
        """
        settings = self.settings
        settings.data.mkdir(parents=True, exist_ok=True)
        try:
            self._lock.acquire(timeout=0)
        except Timeout:
            raise RuntimeError(
                f"Another Batch emulator uses the data folder {settings.data}. Stop it, or start "
                "this one with another --data folder."
            ) from None
        try:
            await self._start()
        except BaseException:
            await self.stop()
            raise

    async def _start(self) -> None:
        settings = self.settings
        self._loop = asyncio.get_running_loop()
        self.port = await self._listener.bind(settings.host, settings.port)
        folder = settings.data.resolve()
        node = self._node or LocalNode(settings.engine, settings.environments_folder, folder)
        allocation = self._allocation or Plenty(settings.allocation_seconds)
        clock = self._clock or Clock(settings.speed)
        self._service = Service(
            settings.account, self.endpoint, folder, node, allocation, clock, settings.faults
        )
        await self._service.resume()
        self._application = Application(self._service, self._shared_key, settings.faults)
        await self._listener.serve(self._application)

    async def stop(self) -> None:
        """Stop answering and running; tasks that ran are requeued at the next start."""
        await self._listener.close()
        service, self._service = self._service, None
        if service is not None:
            await service.stop()
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
