"""The local Functions host: loads an app and fires its functions as the cloud would.

One of the stack's servers. Triggers live on the stack's loop; functions run in threads, or on a
loop of their own when they are async. The app may be loaded anew while the host stays: by hand,
or, with `watch`, when its code changes.
"""

import asyncio
import logging
import time
from collections import Counter
from collections.abc import Sequence
from types import TracebackType
from typing import Any, Final, Self

from retrain.local.host.admin import Admin
from retrain.local.host.blob_inbox import BlobInbox
from retrain.local.host.code_watch import CodeWatch
from retrain.local.host.errors import AppRefused
from retrain.local.host.functions import Function
from retrain.local.host.http_gate import HttpGate
from retrain.local.host.http_server import HttpServer
from retrain.local.host.http_trigger import HttpTrigger
from retrain.local.host.keys import KeyRing, Keys, keep_keys
from retrain.local.host.poison import PoisonList
from retrain.local.host.script_host import ScriptHost
from retrain.local.host.settings import HostSettings

log = logging.getLogger(__name__)

#: How long a request waits for an app that is being reloaded, as in the real host.
_WAIT_SECONDS: Final = 30.0
#: What the admin paths say of the host: it has the cloud's fourth version's ways.
_VERSION: Final = "4.0 (Retrain's local host)"


class FunctionsHost:
    """Runs one function app. `invocations` counts calls by (function, outcome)."""

    def __init__(self, settings: HostSettings) -> None:
        self.settings = settings
        self.port = settings.port
        self.invocations: Counter[tuple[str, str]] = Counter()
        self.ready = asyncio.Event()
        self.state = "Default"
        self.error: str | None = None
        self._life: ScriptHost | None = None
        self._inbox = BlobInbox()
        self._poison = PoisonList(settings.data)
        self._server: HttpServer | None = None
        self._watch: CodeWatch | None = None
        self._changing = asyncio.Lock()
        self._began = time.monotonic()
        self.loading_since = time.time()

    @property
    def url(self) -> str:
        return f"http://{self.settings.host}:{self.port}"

    @property
    def keys(self) -> Keys:
        return self._keys.now

    @property
    def functions(self) -> Sequence[Function]:
        return self._life.functions if self._life else ()

    @property
    def http(self) -> HttpTrigger | None:
        return self._life.http if self._life else None

    @property
    def underway(self) -> int:
        return self._life.underway if self._life else 0

    @property
    def draining(self) -> bool:
        return self._life.draining if self._life else False

    async def start(self) -> None:
        """Load the app and start all its triggers.

        Raises AppRefused when the app is not what the real host would start (with `watch` it waits
        for a repair instead), OSError when the port is taken. Either way nothing is left running.
        """
        settings = self.settings
        given = settings.keys
        self._keys = KeyRing(given) if given else keep_keys(settings.data / "keys.json")
        try:
            await self._begin()
            admin = Admin(self, self._keys, self._poison)
            gate = HttpGate(self, admin, self._keys, _WAIT_SECONDS, settings.webhook)
            self._server = HttpServer(gate, settings.host, settings.port)
            self.port = self._server.port
            await self._server.start()
            if settings.watch:
                self._watch = CodeWatch(settings.root, settings.data, self)
                await self._watch.start()
        except BaseException:
            await self.stop()
            raise
        log.info("%s functions on %s", len(self.functions), self.url)

    async def stop(self) -> None:
        """Take in nothing new, finish what is under way for up to `stop_seconds`, then leave it.

        What was left comes again: messages when their lock ends, blobs at the next start.
        """
        if self._watch:
            await self._watch.stop()
        async with self._changing:
            self.state = "Stopping"
            server, self._server = self._server, None
            answering = server.stop(self.settings.stop_seconds) if server else asyncio.sleep(0)
            await asyncio.gather(answering, self._end())
            await self._inbox.close()
            self.state = "Stopped"

    async def reload(self) -> None:
        """End the app's life and begin the next, with its code as it is now.

        What is under way ends first, for up to `stop_seconds`; requests wait meanwhile. An app that
        can't be loaded leaves the host without one, until the next reload; it says why.
        """
        async with self._changing:
            if self._server is None:
                return  # it stops
            known = set(self.listing())
            self.state = "Starting"
            self.ready.clear()
            await self._end(wholly=True)
            await self._begin()
            new = (line for line in self.listing() if line not in known)
            count = len(self.functions)
            reloaded = f"Reloaded: {count} function{'s' * (count != 1)}."
            self.settings.say(self.error or "\n".join([reloaded, *new]))

    async def drain(self) -> None:
        if self._life:
            await self._life.drain()

    async def call(self, function: Function, given: str) -> bool:
        """Call a function by hand, with what a person gives in place of its trigger's value."""
        return await self._life.call(function, given) if self._life else False

    def packages(self) -> frozenset[str] | None:
        """What the app's code was loaded from, by name below the root; None without an app."""
        return self._life.packages if self._life else None

    def status(self) -> dict[str, Any]:
        """As /admin/host/status says it."""
        uptime = int((time.monotonic() - self._began) * 1000)
        status = {"state": self.state, "version": _VERSION, "processUptime": uptime}
        return {**status, "errors": [self.error]} if self.error else status

    def listing(self) -> list[str]:
        """For a person: each function, and how it is called."""
        return [f"  {function.name}: {self._described(function)}" for function in self.functions]

    def _described(self, function: Function) -> str:
        if function.disabled:
            return "disabled"
        if function.trigger.type != "httpTrigger":
            return function.trigger.type
        methods: Sequence[str] = function.trigger.fields.get("methods") or ()
        return f"[{','.join(str(one) for one in methods) or 'any method'}] {self.url_of(function)}"

    def url_of(self, function: Function) -> str | None:
        """Where an HTTP function is called; None for others."""
        http = self.http
        template = http.template_of(function) if http else None
        return None if template is None else f"{self.url}/{template}"

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

    async def _begin(self) -> None:
        self.loading_since = time.time()
        life = ScriptHost(self.settings, self._keys, self.invocations, self._inbox, self._poison)
        try:
            await life.start()
        except (OSError, RuntimeError, ValueError) as error:  # the app's, or a service's it needs
            self.state, self.error = "Error", str(error)
            self.ready.set()  # nobody need wait: it is a person's turn
            waits = self.settings.watch and isinstance(error, AppRefused)
            if self._server is None and not waits:
                raise
            log.error("the app can't be loaded: %s", error)  # noqa: TRY400 - the message is whole
            return
        self._life = life
        self.state, self.error = "Running", None
        self.ready.set()

    async def _end(self, *, wholly: bool = False) -> None:
        life, self._life = self._life, None
        if life:
            await life.stop(self.settings.stop_seconds, wholly=wholly)
