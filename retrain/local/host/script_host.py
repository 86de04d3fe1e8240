"""One life of an app: host.json, a worker with its code, and a trigger for each of its functions.

Azure's host has the same inner part under the same name: a change of code ends one life and begins
the next, while the port, the keys and what the services keep for it stay.
"""

import asyncio
import logging
import os
from collections import Counter
from collections.abc import Iterator
from functools import partial
from typing import Protocol

from retrain.local.azurite import BlobCreated
from retrain.local.host.blob_inbox import BlobInbox
from retrain.local.host.blob_trigger import BlobTriggers
from retrain.local.host.errors import AppRefused
from retrain.local.host.functions import Function
from retrain.local.host.host_json import HostJson, read_host_json
from retrain.local.host.http_trigger import HttpTrigger
from retrain.local.host.invocations import Invocations
from retrain.local.host.keys import KeyRing
from retrain.local.host.local_settings import read_local_settings
from retrain.local.host.manual import ManualDelivery
from retrain.local.host.outputs import Outputs
from retrain.local.host.poison import PoisonList
from retrain.local.host.queues import Listener, source_of
from retrain.local.host.retry_policy import policy_of
from retrain.local.host.routes import Routes
from retrain.local.host.servicebus_batches import ServiceBusBatches
from retrain.local.host.servicebus_trigger import ServiceBusTrigger
from retrain.local.host.settings import HostSettings, Services
from retrain.local.host.timer_trigger import Timer
from retrain.local.host.worker import Worker

log = logging.getLogger(__name__)


class _Trigger(Protocol):
    async def start(self) -> None: ...
    async def stop(self, patience_seconds: float) -> None: ...


class ScriptHost:
    """Runs the app until stopped. `http` answers requests; `draining`: it takes nothing else."""

    def __init__(
        self,
        settings: HostSettings,
        keys: KeyRing,
        counts: Counter[tuple[str, str]],
        inbox: BlobInbox,
        poison: PoisonList,
    ) -> None:
        self.draining = False
        self.functions: tuple[Function, ...] = ()
        self.packages: frozenset[str] = frozenset()
        self._settings = settings
        self._keys = keys
        self._counts = counts
        self._inbox = inbox
        self._poison = poison
        self._calls: Invocations | None = None
        self._triggers: list[_Trigger] = []
        self._timers: dict[str, Timer] = {}
        self._buses: dict[str, ServiceBusTrigger | ServiceBusBatches] = {}
        self._blobs: BlobTriggers | None = None

    @property
    def underway(self) -> int:
        """Invocations that have not ended."""
        return self._calls.underway if self._calls else 0

    async def start(self) -> None:
        """Load the app and start its triggers. Raises AppRefused; then nothing is left running."""
        settings = self._settings
        options = read_host_json(settings.root)
        self._calls = calls = Invocations(
            settings.root, self._worker, options.function_timeout, self._counts
        )
        try:
            worker = await calls.start()
            self.packages = worker.app.packages()
            self.functions = tuple(_only(worker.app.functions, options))
            services = await settings.services(self.functions)
            outputs = Outputs(self.functions, services.send, calls)
            self._triggers = list(self._make(calls, outputs, options, services))
            routes = Routes(self.functions, options.http.route_prefix)
            self.http = HttpTrigger(
                routes, self._keys, calls, outputs.apply, options.http, settings.max_body_bytes
            )
            for trigger in self._triggers:
                await trigger.start()
        except BaseException:
            await self.stop(0)
            raise

    async def stop(self, patience_seconds: float, *, wholly: bool = False) -> None:
        """Take in nothing new, finish what is under way for so long, then leave it.

        What was left comes again: messages when their lock ends, blobs and timers when told again.
        wholly: forget the app's code even where the stack had imported it before.
        """
        await self._stop_triggers(patience_seconds)
        if self._calls:
            await self._calls.close(patience_seconds, wholly=wholly)

    async def drain(self) -> None:
        """Take no more messages, blobs and timers; what is under way ends, and HTTP goes on."""
        self.draining = True
        await self._stop_triggers(float("inf"))

    async def call(self, function: Function, given: str) -> bool:
        """Call a function by hand, with what a person gives in place of its trigger's value."""
        kind = function.trigger.type
        if kind == "timerTrigger":
            return await self._timers[function.name].run_now()
        if kind == "serviceBusTrigger":
            return await self._buses[function.name].run_now(ManualDelivery(given.encode()))
        assert self._blobs is not None
        container, _, name = given.partition("/")
        return await self._blobs.run_now(function, BlobCreated(container, name))

    async def _stop_triggers(self, patience_seconds: float) -> None:
        triggers, self._triggers = self._triggers, []
        await asyncio.gather(*(trigger.stop(patience_seconds) for trigger in triggers))

    async def _worker(self) -> Worker:
        settings = self._settings
        given = settings.environment
        local = read_local_settings(settings.root, {**os.environ, **given})
        worker = Worker(settings.root.resolve(), {**local, **given})
        try:
            await worker.start(cached=not settings.watch)
        except BaseException:
            await worker.close(0)
            raise
        return worker

    def _make(
        self, calls: Invocations, outputs: Outputs, options: HostJson, services: Services
    ) -> Iterator[_Trigger]:
        """The triggers of all functions that are not disabled, but HTTP's."""
        settings = self._settings
        for function in self.functions:
            policy_of(function)  # warns where there can be none
            if function.trigger.type == "timerTrigger":
                folder = settings.data / "timers"
                timer = Timer(function, calls, outputs.apply, folder, settings.clock)
                self._timers[function.name] = timer
                if not function.disabled:
                    yield timer
            elif function.trigger.type == "serviceBusTrigger":
                many = function.trigger.text("cardinality").casefold() == "many"
                kind = ServiceBusBatches if many else ServiceBusTrigger
                listen = partial(_listener, function, services)
                bus = kind(function, listen, calls, outputs.apply, options.service_bus)
                self._buses[function.name] = bus
                if not function.disabled:
                    yield bus
        blobs = [one for one in self.functions if one.trigger.type == "blobTrigger"]
        if blobs:
            if services.blobs is None:
                raise AppRefused(
                    f"Function '{blobs[0].name}' waits for blobs, and the host was started "
                    "without Blob Storage."
                )
            self._blobs = BlobTriggers(
                blobs,
                services.blobs,
                self._inbox,
                calls,
                outputs.apply,
                self._poison,
                options.blobs,
                settings.blob_retry_seconds,
            )
            yield self._blobs


def _only(functions: tuple[Function, ...], options: HostJson) -> Iterator[Function]:
    """Those that host.json's `functions` names, or all of them when it names none."""
    for function in functions:
        if options.only is None or function.name.casefold() in options.only:
            yield function


def _listener(function: Function, services: Services) -> Listener:
    source = source_of(function.trigger)
    if services.listeners is None:
        raise AppRefused(
            f"Function '{function.name}' waits for '{source}', and the host was started without "
            "Service Bus."
        )
    try:
        return services.listeners(source)
    except Exception as error:
        raise AppRefused(
            f"Function '{function.name}' can't listen to '{source}': {error} Add it to the "
            "emulator's Config.json, or correct the binding."
        ) from error
