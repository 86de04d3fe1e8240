"""Service Bus and Blob Storage for an app alone: started when the app first needs them.

What entities there are is read from the app's bindings, unless a Config.json says it. Every
`connection` leads to these stand-ins; a setting of that name that is not there is given their
connection string, so that the functions' own clients find them, too.
"""

import logging
import os
from collections.abc import Callable, Iterable, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path

from retrain.local.azurite import AzuriteServer, AzuriteSettings, find_azurite
from retrain.local.host.bound_entities import ensure_entities
from retrain.local.host.functions import Binding, Function
from retrain.local.host.settings import Services
from retrain.local.servicebus import (
    NamespaceSettings,
    ServiceBusServer,
    ServiceBusSettings,
    read_config,
)

log = logging.getLogger(__name__)

_BUS = ("serviceBusTrigger", "serviceBus")
_LOCAL = ("127.0.0.1", "localhost", "UseDevelopment")


@dataclass(frozen=True, slots=True, kw_only=True)
class StandInSettings:
    """`servicebus_config`: a Config.json to take instead of the bindings. Port 0 is any free one.

    eager: start Blob Storage whether a function asks for it or not.
    """

    data: Path
    servicebus_config: Path | None = None
    servicebus_port: int = 5672
    blob_port: int = 10000
    eager: bool = False


class StandIns:
    """The emulators of one host. `say` is told their connection strings."""

    def __init__(self, settings: StandInSettings, say: Callable[[str], None]) -> None:
        self._settings = settings
        self._say = say
        self._running = AsyncExitStack()
        self._bus: ServiceBusServer | None = None
        self._blobs: AzuriteServer | None = None

    async def provide(self, functions: Sequence[Function]) -> Services:
        """What these functions need, started. Raises AppRefused, OSError for a taken port."""
        bindings = [one for function in functions for one in (function.trigger, *function.outputs)]
        bus = [binding for binding in bindings if binding.type in _BUS]
        blob = [binding for binding in bindings if binding.type == "blobTrigger"]
        if bus or self._settings.servicebus_config:
            await self._serve_bus(bus)
        if blob or self._settings.eager:
            await self._serve_blobs(blob)
        if self._bus:
            _connect(bus, self._bus.connection_string)
        if self._blobs:
            _connect(blob, self._blobs.connection_string)
        return Services(
            listeners=self._bus.listener if self._bus else None,
            send=self._bus.send if self._bus else None,
            blobs=self._blobs,
        )

    async def close(self) -> None:
        await self._running.aclose()

    async def _serve_bus(self, bindings: Sequence[Binding]) -> None:
        config = self._settings.servicebus_config
        if self._bus is None:
            settings = ServiceBusSettings(
                data=self._settings.data / "servicebus",
                config=read_config(config) if config else NamespaceSettings(name="local"),
                port=self._settings.servicebus_port,
            )
            self._bus = await self._running.enter_async_context(ServiceBusServer(settings))
            self._say(f"Service Bus: {self._bus.connection_string}")
        if config is None:
            for binding in sorted(bindings, key=lambda one: one.type != "serviceBusTrigger"):
                ensure_entities(self._bus.namespace, binding)
            self._bus.commit()

    async def _serve_blobs(self, bindings: Sequence[Binding]) -> None:
        if self._blobs is None:
            settings = AzuriteSettings(
                self._settings.data / "blob",
                port=self._settings.blob_port,
                command=find_azurite(),
            )
            self._blobs = await self._running.enter_async_context(AzuriteServer(settings))
            self._say(f"Blob Storage: {self._blobs.connection_string}")
        for container in {binding.text("path").partition("/")[0] for binding in bindings}:
            if container and "{" not in container:
                await self._blobs.reader.create(container)


def _connect(bindings: Iterable[Binding], connection_string: str) -> None:
    """Give each connection's setting a value, where it has none."""
    for name in {binding.text("connection") for binding in bindings} - {""}:
        value = os.environ.setdefault(name, connection_string)
        if not any(sign in value for sign in _LOCAL):
            log.warning(
                "The setting %s names a service elsewhere; triggers and outputs here take the "
                "emulator instead.",
                name,
            )
