"""A request while rules of faults are in force: it waits, or gets another answer than its own."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import suppress
from typing import Any, Final

from retrain.local.batch.errors import Refused
from retrain.local.batch.wire import Request, Response
from retrain.local.faults import Faults, http
from retrain.local.faults.meddling import meddle

#: What the body of an operation that makes something names by its `id`.
_MAKES: Final = {"create_job": "job", "create_pool": "pool", "create_task": "task"}


class Imposed(Refused):
    """An error that a rule asked for: any status, code and text."""

    def __init__(self, status: int, code: str, text: str, retry_after: int | None = None) -> None:
        Exception.__init__(self, f"{code}: {text}")
        self.status, self.code, self.text, self.values = status, code, text, {}
        if retry_after is not None:
            self.headers = (("retry-after", str(retry_after)),)


class Dropped(Exception):
    """The connection is to be closed in place of an answer, after so many seconds of silence."""

    def __init__(self, silence: float) -> None:
        super().__init__(silence)
        self._silence = silence

    async def hang_up(
        self, scope: dict[str, Any], receive: Callable[[], Awaitable[dict[str, Any]]]
    ) -> None:
        """Say nothing for that long, unless the client goes first, and close."""
        gone = asyncio.ensure_future(_gone(receive))
        await asyncio.wait({gone}, timeout=self._silence)
        scope["state"]["hang_up"]()
        await gone


async def _gone(receive: Callable[[], Awaitable[dict[str, Any]]]) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


async def suffer(
    faults: Faults, name: str, request: Request, work: Coroutine[Any, Any, Response]
) -> Response:
    """Do the work with what the rules say in its way. Raises Dropped, Refused."""
    try:
        meddling = meddle(faults, "batch", **_facts(name, request))
        if meddling.delay:
            await asyncio.sleep(meddling.delay)
        fault = meddling.fault
        if fault is None:
            return await work
        if getattr(fault, "effect", "before") == "after":
            with suppress(Refused):  # then nothing took effect, and the client learns as little
                await work
        raise _ending(fault, meddling.silence)
    finally:
        work.close()


def _ending(fault: http.RequestFault, silence: float) -> Exception:
    if isinstance(fault, http.Throttle):
        text = "The request was throttled; please wait before you try again."
        return Imposed(fault.status, fault.code, text, fault.retry_after)
    if isinstance(fault, http.Error):
        return Imposed(fault.status, fault.code, fault.message)
    return Dropped(silence)


def _facts(name: str, request: Request) -> dict[str, str]:
    """The operation, and what it names in its path or makes by its body."""
    facts = {"operation": name, **request.arguments}
    if name in _MAKES:
        with suppress(Refused):  # a body that is none is for the operation to refuse
            facts[_MAKES[name]] = str(request.object().get("id"))
    return facts
