"""Blob functions: a blob was made, so the function gets it; five tries, then it is poison.

The container and the pattern stand in the binding's path: `data/{name}`. A capture takes as much
as it can, slashes too, as in the WebJobs SDK. A blob that is gone by now is a silent success, and
it is the current content that is read, whatever the event meant.
"""

import asyncio
import logging
import re
from collections.abc import Mapping, Sequence

import httpx

from retrain.local.azurite import BlobCreated
from retrain.local.azurite.rest import BlobServiceRefused
from retrain.local.host.blob_inbox import BlobInbox
from retrain.local.host.blob_input import Blob
from retrain.local.host.blob_service import BlobService
from retrain.local.host.errors import AppRefused
from retrain.local.host.functions import Function
from retrain.local.host.host_json import BlobOptions
from retrain.local.host.invocations import Invocations
from retrain.local.host.outputs import Apply
from retrain.local.host.poison import PoisonList

log = logging.getLogger(__name__)

_CAPTURE = re.compile(r"\{(\w+)\}")


class BlobPath:
    """The path of a blob function's binding. Raises AppRefused when it is none."""

    def __init__(self, function: Function) -> None:
        path = function.trigger.text("path")
        self.function = function
        self.container, _, pattern = path.partition("/")
        if not self.container or "{" in self.container or not pattern:
            raise AppRefused(
                f"Function '{function.name}': the blob path '{path}' must be "
                "container/pattern, with captures in the pattern only, such as data/{name}."
            )
        self._pattern = _compiled(function.name, pattern)

    def admits(self, event: BlobCreated) -> bool:
        return event.container == self.container and bool(self._pattern.fullmatch(event.name))


class BlobTriggers:
    """All blob functions of an app on one Blob service, so many calls at once."""

    def __init__(
        self,
        functions: Sequence[Function],
        service: BlobService,
        inbox: BlobInbox,
        invocations: Invocations,
        apply: Apply,
        poison: PoisonList,
        options: BlobOptions,
        retry_seconds: float,
    ) -> None:
        self._paths = [BlobPath(function) for function in functions]
        self._inbox = inbox
        self._service = service
        self._invocations = invocations
        self._apply = apply
        self._poison = poison
        self._tries = options.poison_threshold
        self._retry_seconds = retry_seconds
        self._slots = asyncio.Semaphore(options.parallelism)
        self._underway: set[asyncio.Task[None]] = set()

    async def start(self) -> None:
        running = [path for path in self._paths if not path.function.disabled]
        await self._inbox.attach(self._service, self.tell, {path.container for path in running})

    async def stop(self, patience_seconds: float) -> None:
        """Take no more, finish blobs under way for so long. The others are told again."""
        self._inbox.detach()
        if self._underway:
            await asyncio.wait(self._underway, timeout=patience_seconds)
        left = list(self._underway)
        for task in left:
            task.cancel()
        await asyncio.gather(*left, return_exceptions=True)

    async def tell(self, event: BlobCreated) -> bool:
        """Settle the event in every function it is for; False when stopped before that."""
        functions = [
            path.function
            for path in self._paths
            if path.admits(event) and not path.function.disabled
        ]
        if not functions:
            return True
        settling = asyncio.create_task(self._in_all(functions, event))
        self._underway.add(settling)
        settling.add_done_callback(self._underway.discard)
        try:
            await asyncio.wait({settling})
        except asyncio.CancelledError:
            settling.cancel()
            raise
        if settling.cancelled():
            return False
        settling.result()
        return True

    async def _in_all(self, functions: Sequence[Function], event: BlobCreated) -> None:
        await asyncio.gather(*(self._until_settled(one, event) for one in functions))

    async def run_now(self, function: Function, event: BlobCreated) -> bool:
        """Call a function once with a blob, as a person may ask; whether it succeeded."""
        found = await self._service.reader.properties(event.container, event.name)
        if found is None:
            log.warning("there is no blob %s/%s to call %s with", *_names(event), function.name)
            return False
        return await self._call(function, event, found)

    async def _until_settled(self, function: Function, event: BlobCreated) -> None:
        headers: Mapping[str, str] = {}
        for count in range(1, self._tries + 1):
            async with self._slots:
                try:
                    found = await self._service.reader.properties(event.container, event.name)
                except (httpx.HTTPError, BlobServiceRefused) as error:
                    log.warning("blob %s/%s can't be read: %s", *_names(event), error)
                else:
                    if found is None or await self._call(function, event, found):
                        return
                    headers = found
            if count < self._tries:
                await asyncio.sleep(self._retry_seconds * count)
        await asyncio.to_thread(self._poison.add, function, event, headers)
        log.error(
            "blob %s/%s failed %s times in %s and is given up; its message stands in %s",
            *(*_names(event), self._tries, function.name, self._poison.file),
        )

    async def _call(
        self, function: Function, event: BlobCreated, headers: Mapping[str, str]
    ) -> bool:
        loop = asyncio.get_running_loop()
        reader = self._service.reader

        def fetch() -> bytes:
            # Called where the function runs, never on this loop.
            reading = reader.read(event.container, event.name)
            content = asyncio.run_coroutine_threadsafe(reading, loop).result()
            if content is None:
                raise FileNotFoundError(f"The blob {event.container}/{event.name} is gone.")
            return content

        blob = Blob(reader, event, headers, fetch)
        outcome = await self._invocations.call(function, blob)
        return outcome.succeeded and await self._apply(function, outcome)


def _names(event: BlobCreated) -> tuple[str, str]:
    return event.container, event.name


def _compiled(function: str, pattern: str) -> re.Pattern[str]:
    compiled, end = "", 0
    for match in _CAPTURE.finditer(pattern):
        compiled += f"{re.escape(pattern[end : match.start()])}(?P<{match[1]}>.*)"
        end = match.end()
    try:
        return re.compile(compiled + re.escape(pattern[end:]), re.DOTALL)
    except re.error as error:
        raise AppRefused(f"Function '{function}': the pattern '{pattern}': {error}") from error
