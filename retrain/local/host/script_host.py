"""One life of an app: host.json, a worker with its code, and a trigger for each of its functions.

Azure's host has the same inner part under the same name: a change of code ends one life and begins
the next, while the port, the keys and what the services keep for it stay.
"""

import os
from collections import Counter
from collections.abc import Iterator

from retrain.local.host.blob_inbox import BlobInbox
from retrain.local.host.functions import Function
from retrain.local.host.host_json import HostJson, read_host_json
from retrain.local.host.http_trigger import HttpTrigger
from retrain.local.host.invocations import Invocations
from retrain.local.host.keys import KeyRing
from retrain.local.host.local_settings import read_local_settings
from retrain.local.host.outputs import Outputs
from retrain.local.host.poison import PoisonList
from retrain.local.host.routes import Routes
from retrain.local.host.settings import HostSettings
from retrain.local.host.triggers import Triggers
from retrain.local.host.worker import Worker


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
        self.http: HttpTrigger | None = None
        self._settings = settings
        self._keys = keys
        self._counts = counts
        self._inbox = inbox
        self._poison = poison
        self._calls: Invocations | None = None
        self._triggers: Triggers | None = None

    @property
    def underway(self) -> int:
        """Invocations that have not ended."""
        return self._calls.underway if self._calls else 0

    async def start(self) -> None:
        """Load the app and start its triggers. Raises AppRefused; then nothing is left running."""
        options = read_host_json(self._settings.root)
        self._calls = calls = Invocations(
            self._settings.root.resolve(), self._worker, options.function_timeout, self._counts
        )
        try:
            worker = await calls.start()
            self.packages = worker.app.packages()
            self.functions = tuple(_only(worker.app.functions, options))
            await self._listen(calls, options)
        except BaseException:
            await self.stop(0)
            raise

    async def stop(self, patience_seconds: float, *, wholly: bool = False) -> None:
        """Take in nothing new, finish what is under way for so long, then leave it.

        What was left comes again: messages when their lock ends, blobs and timers when told again.
        wholly: forget the app's code even where the stack had imported it before.
        """
        if self._triggers:
            await self._triggers.stop(patience_seconds)
        if self._calls:
            await self._calls.close(patience_seconds, wholly=wholly)

    async def drain(self) -> None:
        """Take no more messages, blobs and timers; what is under way ends, and HTTP goes on."""
        self.draining = True
        if self._triggers:
            await self._triggers.stop(float("inf"))

    async def call(self, function: Function, given: str) -> bool:
        """Call a function by hand, with what a person gives in place of its trigger's value."""
        return await self._triggers.call(function, given) if self._triggers else False

    async def _listen(self, calls: Invocations, options: HostJson) -> None:
        settings = self._settings
        services = await settings.services(self.functions)
        outputs = Outputs(self.functions, services.send, calls)
        triggers = Triggers(self.functions, settings, options, services, calls, outputs.apply)
        triggers.listen_for_blobs(self._inbox, self._poison)
        routes = Routes(self.functions, options.http.route_prefix)
        self.http = HttpTrigger(
            routes, self._keys, calls, outputs.apply, options.http, settings.max_body_bytes
        )
        self._triggers = triggers
        await triggers.start()

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


def _only(functions: tuple[Function, ...], options: HostJson) -> Iterator[Function]:
    """Those that host.json's `functions` names, or all of them when it names none."""
    for function in functions:
        if options.only is None or function.name.casefold() in options.only:
            yield function
