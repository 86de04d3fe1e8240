"""The local Functions host: loads an app and fires its functions as the cloud would.

One of the stack's servers. Triggers live on the stack's loop; functions run in threads, or on a
loop of their own when they are async.
"""

import asyncio
import logging
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Protocol, Self

from azure.functions import AsgiFunctionApp

from retrain.local.azurite import AzuriteServer
from retrain.local.host.admin import Admin
from retrain.local.host.app_file import LoadedApp, load_app
from retrain.local.host.blob_trigger import BlobTriggers
from retrain.local.host.errors import AppRefused
from retrain.local.host.functions import Function
from retrain.local.host.host_json import HostJson, read_host_json
from retrain.local.host.http_server import HttpServer
from retrain.local.host.http_trigger import HttpTrigger
from retrain.local.host.invocations import Invocations
from retrain.local.host.keys import Keys, keep_keys
from retrain.local.host.outputs import Outputs
from retrain.local.host.queues import Listener, Listeners, Send
from retrain.local.host.routes import Routes
from retrain.local.host.servicebus_trigger import ServiceBusTrigger
from retrain.local.host.timer_trigger import Clock, Timer

log = logging.getLogger(__name__)

#: Threads beyond those that queues and blobs can fill, for timers and HTTP.
_SPARE_THREADS = 32


def _now() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class HostSettings:
    """What the host runs, and the services its triggers listen to (None: there is no such one).

    `root` holds function_app.py and host.json. `environment` is set for the process while the app
    is loaded and answers %SETTING%. Port 0 is any free one. Times in seconds.
    """

    root: Path
    data: Path
    environment: Mapping[str, str] = field(default_factory=dict)
    host: str = "127.0.0.1"
    port: int = 7071
    listeners: Listeners | None = None
    send: Send | None = None
    blobs: AzuriteServer | None = None
    keys: Keys | None = None
    max_body_bytes: int = 100 * 1024 * 1024
    blob_retry_seconds: float = 1.0
    stop_seconds: float = 10.0
    clock: Clock = _now


class _Trigger(Protocol):
    async def start(self) -> None: ...
    async def stop(self, patience_seconds: float) -> None: ...


class FunctionsHost:
    """Runs one function app. `invocations` counts calls by (function, outcome)."""

    def __init__(self, settings: HostSettings) -> None:
        self.settings = settings
        self.port = settings.port
        self._loaded: LoadedApp | None = None
        self._calls: Invocations | None = None
        self._triggers: list[_Trigger] = []
        self._timers: dict[str, Timer] = {}

    @property
    def url(self) -> str:
        return f"http://{self.settings.host}:{self.port}"

    @property
    def functions(self) -> tuple[Function, ...]:
        return self._loaded.functions if self._loaded else ()

    @property
    def invocations(self) -> Counter[tuple[str, str]]:
        return self._calls.counts if self._calls else Counter()

    async def start(self) -> None:
        """Load the app and start all its triggers.

        Raises AppRefused when the app is not what the real host would start, OSError when the port
        is taken. Either way nothing is left running.
        """
        settings = self.settings
        self.keys = settings.keys or keep_keys(settings.data / "keys.json")
        host_json = read_host_json(settings.root)
        self._loaded = load_app(settings.root.resolve(), settings.environment)
        try:
            self._calls = Invocations(
                settings.root, host_json.function_timeout, _threads(host_json)
            )
            for trigger in self._make_triggers(self._calls, host_json):
                self._triggers.append(trigger)
            http = self._make_http(self._calls, host_json)
            self.port = http.port
            self._triggers.append(http)
            for trigger in self._triggers:
                await trigger.start()
        except BaseException:
            await self.stop()
            raise
        log.info("%s functions on %s", len(self.functions), self.url)

    async def stop(self) -> None:
        """Take in nothing new, finish what is under way for up to `stop_seconds`, then leave it.

        What was left comes again: messages when their lock ends, blobs at the next start.
        """
        patience = self.settings.stop_seconds
        triggers, self._triggers = self._triggers, []
        await asyncio.gather(*(trigger.stop(patience) for trigger in triggers))
        calls, loaded, self._loaded = self._calls, self._loaded, None
        if calls and loaded:
            await _end_asgi(loaded, calls, patience)
        if calls:
            await asyncio.to_thread(calls.close, patience)
        if loaded:
            loaded.unload()

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

    def _make_http(self, calls: Invocations, host_json: HostJson) -> HttpServer:
        settings = self.settings
        routes = Routes(self.functions, host_json.route_prefix)
        admin = Admin(self.functions, self._timers)
        apply = self._outputs.apply
        app = HttpTrigger(routes, admin, self.keys, calls, apply, settings.max_body_bytes)
        return HttpServer(app, settings.host, settings.port)

    def _make_triggers(self, calls: Invocations, host_json: HostJson) -> Iterator[_Trigger]:
        settings = self.settings
        self._outputs = outputs = Outputs(self.functions, settings.send, calls)
        for function in self.functions:
            if function.trigger.type == "timerTrigger":
                folder = settings.data / "timers"
                timer = Timer(function, calls, outputs.apply, folder, settings.clock)
                self._timers[function.name] = timer
                yield timer
            elif function.trigger.type == "serviceBusTrigger":
                listener = _listener(function, settings.listeners)
                options = host_json.service_bus
                yield ServiceBusTrigger(function, listener, calls, outputs.apply, options)
        blobs = [one for one in self.functions if one.trigger.type == "blobTrigger"]
        if blobs and settings.blobs is None:
            raise AppRefused(
                f"Function '{blobs[0].name}' waits for blobs, and the host was started without "
                "Blob Storage."
            )
        if blobs and settings.blobs is not None:
            yield BlobTriggers(
                blobs,
                settings.blobs,
                calls,
                outputs.apply,
                settings.data,
                host_json.blobs,
                settings.blob_retry_seconds,
            )


def _threads(host_json: HostJson) -> int:
    queues = host_json.service_bus
    return (
        queues.max_concurrent_calls
        + queues.max_concurrent_sessions
        + host_json.blobs.parallelism
        + _SPARE_THREADS
    )


def _listener(function: Function, listeners: Listeners | None) -> Listener:
    queue = function.trigger.text("queueName")
    if not queue:
        raise AppRefused(f"Function '{function.name}': the local host has queues, no topics.")
    if listeners is None:
        raise AppRefused(
            f"Function '{function.name}' waits for the queue '{queue}', and the host was started "
            "without Service Bus."
        )
    try:
        return listeners(queue)
    except Exception as error:
        raise AppRefused(
            f"Function '{function.name}' can't listen to the queue '{queue}': {error} Add it to "
            "the emulator's Config.json, or correct the binding."
        ) from error


async def _end_asgi(loaded: LoadedApp, calls: Invocations, patience_seconds: float) -> None:
    # Its own way is a new event loop in __del__, where the application's events do not live.
    app = loaded.app
    if not isinstance(app, AsgiFunctionApp) or not app.startup_task_done:
        return
    app.startup_task_done = False
    with suppress(TimeoutError):
        ending = calls.on_loop(app.middleware.notify_shutdown())  # type: ignore[no-untyped-call]
        await asyncio.wait_for(ending, patience_seconds)
