"""Service Bus and Blob Storage for an app alone: started when the app first needs them.

What entities there are is read from the app's bindings, unless a Config.json says it. Every
`connection` leads to these stand-ins; a setting of that name that is not there is given their
connection string, so that the functions' own clients find them, too.
"""

import logging
import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from retrain.local.azurite import AzuriteServer, AzuriteSettings, find_azurite
from retrain.local.host.errors import AppRefused
from retrain.local.host.functions import Binding, Function
from retrain.local.host.settings import Services
from retrain.local.servicebus import (
    ServiceBusServer,
    ServiceBusSettings,
    parse_config,
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
        self._entities: dict[str, bool] = {}

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
        config, wanted = self._settings.servicebus_config, _entities(bindings)
        if self._bus is None:
            read = read_config(config) if config else parse_config(_config(wanted))
            settings = ServiceBusSettings(
                data=self._settings.data / "servicebus",
                config=read,
                port=self._settings.servicebus_port,
            )
            self._bus = await self._running.enter_async_context(ServiceBusServer(settings))
            self._entities = wanted
            self._say(f"Service Bus: {self._bus.connection_string}")
            return
        new = [path for path in wanted if path not in self._entities]
        if new and config is None:
            raise AppRefused(
                f"Service Bus was started before anybody asked for {', '.join(new)}. Stop the "
                "host and start it again."
            )

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


def _entities(bindings: Iterable[Binding]) -> dict[str, bool]:
    """The queues and subscriptions, by path, and whether they have sessions."""
    found: dict[str, bool] = {}
    for binding in bindings:
        topic, subscription = binding.text("topicName"), binding.text("subscriptionName")
        path = f"{topic}/{subscription}" if topic else binding.text("queueName")
        found[path] = found.get(path, False) or binding.flag("isSessionsEnabled")
    return found


def _config(entities: Mapping[str, bool]) -> dict[str, Any]:
    """In the form of the emulator's Config.json."""
    queues: list[dict[str, Any]] = []
    topics: dict[str, list[dict[str, Any]]] = {}
    for path, sessions in sorted(entities.items()):
        name, _, subscription = path.partition("/")
        if "/" not in path:
            queues.append({"Name": name, "Properties": {"RequiresSession": sessions}})
            continue
        declared = topics.setdefault(name, [])
        if subscription:
            declared.append({"Name": subscription, "Properties": {"RequiresSession": sessions}})
    namespace: dict[str, Any] = {"Name": "local", "Queues": queues}
    if topics:
        namespace["Topics"] = [
            {"Name": name, "Subscriptions": declared} for name, declared in topics.items()
        ]
    return {"UserConfig": {"Namespaces": [namespace]}}
