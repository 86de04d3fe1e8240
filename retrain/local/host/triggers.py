"""The triggers of one life of an app: all but HTTP's, which is asked and does not listen."""

import asyncio
from collections.abc import Iterator, Sequence
from functools import partial
from typing import Protocol

from retrain.local.azurite import BlobCreated
from retrain.local.host.blob_inbox import BlobInbox
from retrain.local.host.blob_trigger import BlobTriggers
from retrain.local.host.errors import AppRefused
from retrain.local.host.functions import Function
from retrain.local.host.host_json import HostJson
from retrain.local.host.invocations import Invocations
from retrain.local.host.manual import ManualDelivery
from retrain.local.host.outputs import Apply
from retrain.local.host.poison import PoisonList
from retrain.local.host.queues import Listener, source_of
from retrain.local.host.retry_policy import policy_of
from retrain.local.host.servicebus_batches import ServiceBusBatches
from retrain.local.host.servicebus_trigger import ServiceBusTrigger
from retrain.local.host.settings import HostSettings, Services
from retrain.local.host.timer_trigger import Timer


class _Trigger(Protocol):
    async def start(self) -> None: ...
    async def stop(self, patience_seconds: float) -> None: ...


class Triggers:
    """Made for all functions, started for those that are not disabled.

    Raises AppRefused for a function whose trigger can't be, and for a service that is not there.
    """

    def __init__(
        self,
        functions: Sequence[Function],
        settings: HostSettings,
        options: HostJson,
        services: Services,
        calls: Invocations,
        apply: Apply,
    ) -> None:
        self._functions = functions
        self._settings = settings
        self._options = options
        self._services = services
        self._calls = calls
        self._apply = apply
        self._timers = {one.name: self._timer(one) for one in self._of("timerTrigger")}
        self._buses = {one.name: self._bus(one) for one in self._of("serviceBusTrigger")}
        self._blobs: BlobTriggers | None = None
        self._started: list[_Trigger] = []
        for function in functions:
            policy_of(function)  # warns where there can be none

    def listen_for_blobs(self, inbox: BlobInbox, poison: PoisonList) -> None:
        """Make the triggers of blob functions, which share one inbox. Raises AppRefused."""
        functions = list(self._of("blobTrigger"))
        if not functions:
            return
        if self._services.blobs is None:
            raise AppRefused(
                f"Function '{functions[0].name}' waits for blobs, and the host was started without "
                "Blob Storage."
            )
        self._blobs = BlobTriggers(
            functions,
            self._services.blobs,
            inbox,
            self._calls,
            self._apply,
            poison,
            self._options.blobs,
            self._settings.blob_retry_seconds,
        )

    async def start(self) -> None:
        disabled = {one.name for one in self._functions if one.disabled}
        named: dict[str, _Trigger] = {**self._timers, **self._buses}
        self._started = [trigger for name, trigger in named.items() if name not in disabled]
        if self._blobs:
            self._started.append(self._blobs)
        for trigger in self._started:
            await trigger.start()

    async def stop(self, patience_seconds: float) -> None:
        """Take no more; let what is under way end for so long, and give the rest back."""
        started, self._started = self._started, []
        await asyncio.gather(*(trigger.stop(patience_seconds) for trigger in started))

    async def call(self, function: Function, given: str) -> bool:
        """Call a function by hand, with what a person gives in place of its trigger's value."""
        if function.name in self._timers:
            return await self._timers[function.name].run_now()
        if function.name in self._buses:
            return await self._buses[function.name].run_now(ManualDelivery(given.encode()))
        assert self._blobs is not None, "HTTP functions are called by their URL"
        container, _, name = given.partition("/")
        return await self._blobs.run_now(function, BlobCreated(container, name))

    def _of(self, kind: str) -> Iterator[Function]:
        return (function for function in self._functions if function.trigger.type == kind)

    def _timer(self, function: Function) -> Timer:
        folder = self._settings.data / "timers"
        return Timer(function, self._calls, self._apply, folder, self._settings.clock)

    def _bus(self, function: Function) -> ServiceBusTrigger | ServiceBusBatches:
        many = function.trigger.text("cardinality").casefold() == "many"
        kind = ServiceBusBatches if many else ServiceBusTrigger
        listen = partial(_listener, function, self._services)
        return kind(function, listen, self._calls, self._apply, self._options.service_bus)


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
