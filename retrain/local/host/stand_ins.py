"""Service Bus and Blob Storage for an app alone: started when the app first needs them.

What entities there are is read from the app's bindings, unless a Config.json says it. Every
`connection` leads to these stand-ins; a setting of that name that is not there is given their
connection string, so that the functions' own clients find them, too.
"""

import logging
import os
from collections.abc import Awaitable, Callable, Iterable, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path

from retrain.local.azurite import AzuriteServer, AzuriteSettings, find_azurite
from retrain.local.host.bound_entities import ensure_entities
from retrain.local.host.elsewhere import Elsewhere
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
    servicebus, blob: connection strings of services that run elsewhere; nothing is started then.
    """

    data: Path
    servicebus_config: Path | None = None
    servicebus_port: int = 5672
    blob_port: int = 10000
    eager: bool = False
    servicebus: str | None = None
    blob: str | None = None


class StandIns:
    """The emulators of one host. `say` is told their connection strings."""

    def __init__(self, settings: StandInSettings, say: Callable[[str], None]) -> None:
        self._settings = settings
        self._say = say
        self._running = AsyncExitStack()
        self._bus: ServiceBusServer | None = None
        self._blobs: AzuriteServer | None = None
        self._elsewhere = Elsewhere(settings.servicebus, settings.blob)

    @property
    def webhook(self) -> Callable[[bytes], Awaitable[int]] | None:
        """Takes the events of blobs elsewhere."""
        return self._elsewhere.webhook

    async def provide(self, functions: Sequence[Function]) -> Services:
        """What these functions need, started. Raises AppRefused, OSError for a taken port."""
        there = self._elsewhere
        bindings = [one for function in functions for one in (function.trigger, *function.outputs)]
        bus = [binding for binding in bindings if binding.type in _BUS]
        blob = [binding for binding in bindings if binding.type == "blobTrigger"]
        if not there.servicebus and (bus or self._settings.servicebus_config):
            await self._serve_bus(bus)
        if not there.blob and (blob or self._settings.eager):
            await self._serve_blobs(blob)
        _connect(bus, there.servicebus or (self._bus.connection_string if self._bus else None))
        _connect(blob, there.blob or (self._blobs.connection_string if self._blobs else None))
        source = self._bus or there.bus
        return Services(
            listeners=source.listener if source else None,
            send=source.send if source else None,
            blobs=self._blobs or there.blobs,
        )

    async def close(self) -> None:
        await self._running.aclose()
        await self._elsewhere.close()

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


def _connect(bindings: Iterable[Binding], connection_string: str | None) -> None:
    """Give each connection's setting a value, where it has none."""
    if connection_string is None:
        return
    for name in {binding.text("connection") for binding in bindings} - {""}:
        value = os.environ.setdefault(name, connection_string)
        if not any(sign in value for sign in _LOCAL):
            log.warning(
                "The setting %s names a service elsewhere; triggers and outputs here take the "
                "emulator instead.",
                name,
            )
