"""The host's own paths, under /admin and behind the master key, as in Azure.

GET  /admin/host/status              whether it runs, and what is wrong if not
GET  /admin/host/ping                that somebody is there; needs no key
POST /admin/host/drain               take nothing but HTTP; …/drain/status, …/resume
POST /admin/host/restart             load the app anew
GET  /admin/functions                the functions; …/{name}, …/{name}/status for one
POST /admin/functions/{name}         call one, {"input": "…"}; answers 202 at once
GET  /admin/host/poison              blobs that were given up; ours: Azure has a queue for them
     /admin/host/keys, …             see admin_keys
"""

import asyncio
import json
import logging
import re
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Final, Protocol

from retrain.local.host.admin_keys import AdminKeys
from retrain.local.host.functions import Function
from retrain.local.host.keys import KeyRing
from retrain.local.host.poison import PoisonList

log = logging.getLogger(__name__)

#: A status and what goes out as JSON, None for nothing.
Answer = tuple[int, Any]
_Handler = Callable[..., Awaitable[Answer]]

#: Paths that need no key.
_OPEN: Final = ("/admin/host/ping",)


class Host(Protocol):
    """What the admin paths tell of and act on."""

    @property
    def functions(self) -> Sequence[Function]: ...
    @property
    def underway(self) -> int: ...
    @property
    def draining(self) -> bool: ...
    def status(self) -> dict[str, Any]: ...
    def url_of(self, function: Function) -> str | None: ...
    async def call(self, function: Function, given: str) -> bool: ...
    async def drain(self) -> None: ...
    async def reload(self) -> None: ...


class Admin:
    """Answers what is asked under /admin by somebody who holds the master key."""

    def __init__(self, host: Host, keys: KeyRing, poison: PoisonList) -> None:
        self._host = host
        self._poison = poison
        self._keys = AdminKeys(keys)
        self._begun: set[asyncio.Task[Any]] = set()
        self._routes: tuple[tuple[str, re.Pattern[str], _Handler], ...] = tuple(
            (method, re.compile(f"/admin/{path}"), handler)
            for method, path, handler in (
                ("GET", "host/status", self._status),
                ("GET", "host/ping", self._ping),
                ("POST", "host/ping", self._ping),
                ("POST", "host/drain", self._drain),
                ("GET", "host/drain/status", self._drain_status),
                ("POST", "host/resume", self._resume),
                ("POST", "host/restart", self._restart),
                ("GET", "host/poison", self._poisoned),
                ("GET", "functions", self._list),
                ("GET", "functions/([^/]+)", self._one),
                ("GET", "functions/([^/]+)/status", self._one_status),
                ("POST", "functions/([^/]+)", self._call),
            )
        )

    def is_open(self, path: str) -> bool:
        """Whether anybody may ask for this path."""
        return path.rstrip("/").casefold() in _OPEN

    async def answer(self, method: str, path: str, body: bytes) -> Answer:
        """The status and the answer for a path that starts with /admin."""
        path = path.rstrip("/").casefold()
        known = {function.name.casefold() for function in self._host.functions}
        answer = self._keys.answer(method, path, body, known)
        if answer is not None:
            return answer
        for wanted, pattern, handler in self._routes:
            match = pattern.fullmatch(path)
            if match and method == wanted:
                return await handler(body, *match.groups())
        return 404, None

    async def _status(self, body: bytes) -> Answer:
        return 200, self._host.status()

    async def _ping(self, body: bytes) -> Answer:
        return 200, None

    async def _drain(self, body: bytes) -> Answer:
        self._begin(self._host.drain())
        await asyncio.sleep(0)  # so that it is on when this answers
        return 202, None

    async def _drain_status(self, body: bytes) -> Answer:
        busy = self._host.underway
        state = ("InProgress" if busy else "Completed") if self._host.draining else "Disabled"
        return 200, {"state": state, "outstandingInvocations": busy, "outstandingRetries": 0}

    async def _resume(self, body: bytes) -> Answer:
        if self._host.status()["state"] != "Running":
            return 409, None
        if self._host.draining:
            await self._host.reload()
        return 200, {"state": self._host.status()["state"]}

    async def _restart(self, body: bytes) -> Answer:
        self._begin(self._host.reload())
        return 200, None

    async def _poisoned(self, body: bytes) -> Answer:
        return 200, await asyncio.to_thread(self._poison.messages)

    async def _list(self, body: bytes) -> Answer:
        return 200, [self._described(function) for function in self._host.functions]

    async def _one(self, body: bytes, name: str) -> Answer:
        function = self._named(name)
        return (200, self._described(function)) if function else (404, None)

    async def _one_status(self, body: bytes, name: str) -> Answer:
        return (200, {"errors": None}) if self._named(name) else (404, None)

    async def _call(self, body: bytes, name: str) -> Answer:
        try:
            given = json.loads(body)["input"] if json.loads(body) else ""
        except (ValueError, TypeError, KeyError):
            return 400, {"message": 'Send a JSON object: {} for a timer, else {"input": "…"}.'}
        function = self._named(name)
        if function is None:
            return 404, None
        if function.trigger.type == "httpTrigger":
            return 400, {"message": f"Call its own URL: {self._host.url_of(function)}"}
        self._begin(self._host.call(function, str(given or "")))
        return 202, None

    def _named(self, name: str) -> Function | None:
        found = (one for one in self._host.functions if one.name.casefold() == name)
        return next(found, None)

    def _described(self, function: Function) -> dict[str, Any]:
        bindings = (function.trigger, *function.outputs)
        return {
            "name": function.name,
            "language": "python",
            "isDisabled": function.disabled,
            "invoke_url_template": self._host.url_of(function),
            "config": {"bindings": [dict(binding.fields) for binding in bindings]},
        }

    def _begin(self, work: Any) -> None:
        task = asyncio.ensure_future(work)
        self._begun.add(task)
        task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[Any]) -> None:
        self._begun.discard(task)
        if not task.cancelled() and task.exception():
            log.error("what was asked for failed", exc_info=task.exception())
