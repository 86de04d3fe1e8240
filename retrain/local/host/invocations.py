"""Calls a function once: arguments in, outcome out, time limit, one log line when it fails.

What the outcome means (complete the message, answer 500, try again) is the trigger's to say. A
call that exceeds its time takes the worker with it; calls that come meanwhile wait for the next.
"""

import asyncio
import logging
import time
import uuid
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import azure.functions as func

from retrain.local.host.context import Context, Invocation, Retries
from retrain.local.host.functions import RETURN, Function
from retrain.local.host.worker import TimedOut, Worker

log = logging.getLogger(__name__)
#: One line for each invocation, in the words of the real host; silent unless asked for.
executed = logging.getLogger("functions.host")

SUCCEEDED = "succeeded"
FAILED = "failed"
TIMED_OUT = "timed out"


class Out(func.Out[Any]):
    """The value of an output binding, as the function set it."""

    def __init__(self) -> None:
        self._value: Any = None

    def set(self, val: Any) -> None:
        self._value = val

    def get(self) -> Any:
        return self._value


@dataclass(frozen=True, slots=True)
class Outcome:
    """How an invocation ended. `values` are the outputs by binding name, `$return` among them.

    error: why it failed, None when it did not.
    """

    how: str
    values: dict[str, Any] = field(default_factory=dict)
    error: BaseException | None = None

    @property
    def succeeded(self) -> bool:
        return self.how == SUCCEEDED


class Invocations:
    """Calls functions and counts the calls by (function, outcome).

    start: makes a worker and starts it.  timeout_seconds: None for no limit.
    """

    def __init__(
        self,
        root: Path,
        start: Callable[[], Awaitable[Worker]],
        timeout_seconds: float | None,
        counts: Counter[tuple[str, str]],
    ) -> None:
        self.counts = counts
        self.underway = 0
        self._root = str(root)
        self._timeout = timeout_seconds
        self._start = start
        self._worker: asyncio.Future[Worker] | None = None

    async def start(self) -> Worker:
        """The first worker. Raises AppRefused."""
        self._worker = asyncio.ensure_future(self._start())
        return await self._worker

    async def close(self, patience_seconds: float, *, wholly: bool = False) -> None:
        """Wait so long for what is under way; then end the worker, and it with that."""
        if self._worker is None:
            return
        deadline = time.monotonic() + patience_seconds
        while self.underway and time.monotonic() < deadline:
            await asyncio.sleep(0.01)
        (worker,) = await asyncio.gather(self._worker, return_exceptions=True)
        if isinstance(worker, Worker):
            await worker.close(patience_seconds, wholly=wholly)

    async def call(
        self, function: Function, value: Any, *, retries: Retries | None = None
    ) -> Outcome:
        """Call `function` with its trigger's value. Never raises for what the function does."""
        invocation = Invocation(str(uuid.uuid4()), function.name, self._root, retries or Retries())
        outs = {binding.name: Out() for binding in function.outputs if binding.name != RETURN}
        self.underway += 1
        began = time.monotonic()
        executed.info("Executing 'Functions.%s' (Id=%s)", function.name, invocation.id)
        try:
            returned = await self._run(function, {function.trigger.name: value, **outs}, invocation)
        except asyncio.CancelledError:
            raise
        except BaseException as error:  # noqa: BLE001 - a function may raise anything at all
            return self.failed(function, invocation.id, error)
        finally:
            self.underway -= 1
        self.counts[function.name, SUCCEEDED] += 1
        took = (time.monotonic() - began) * 1000
        executed.info(
            "Executed 'Functions.%s' (Succeeded, Id=%s, Duration=%.0fms)",
            *(function.name, invocation.id, took),
        )
        return Outcome(
            SUCCEEDED, {**{name: out.get() for name, out in outs.items()}, RETURN: returned}
        )

    def failed(self, function: Function, invocation: str, error: BaseException) -> Outcome:
        """Count and log a failure; the outcome to hand on."""
        how = TIMED_OUT if isinstance(error, TimedOut) else FAILED
        self.counts[function.name, how] += 1
        log.error(
            "function %s %s (invocation %s)",
            function.name,
            how,
            invocation,
            exc_info=_without_us(error),
        )
        return Outcome(how, error=error)

    async def _run(
        self, function: Function, arguments: dict[str, Any], invocation: Invocation
    ) -> Any:
        assert self._worker is not None
        worker = await asyncio.shield(self._worker)
        if function.wants_context:
            arguments["context"] = Context(invocation, worker.local)
        try:
            return await worker.call(function, arguments, invocation, self._timeout)
        except TimedOut:
            if self._worker.done() and self._worker.result() is worker:
                self._restart(worker, invocation)
            raise

    def _restart(self, worker: Worker, invocation: Invocation) -> None:
        log.warning(
            "A function timeout has occurred. Restarting the worker that executes invocation "
            "'%s' of %s.",
            *(invocation.id, invocation.function),
        )
        worker.kill(
            f"The worker was restarted, since {invocation.function} ran longer than "
            "functionTimeout; this invocation was under way in it, and died with it as in Azure."
        )
        self._worker = asyncio.ensure_future(self._start())
        self._worker.add_done_callback(_told)


def _told(starting: "asyncio.Future[Worker]") -> None:
    if not starting.cancelled() and (error := starting.exception()):
        log.error("the worker can't start again, so every call fails: %s", error)


def _without_us(error: BaseException) -> BaseException:
    """The error with its trace from the function on: the host's own frames help nobody."""
    trace, us = error.__traceback__, str(Path(__file__).parent)
    while trace and trace.tb_next and trace.tb_frame.f_code.co_filename.startswith(us):
        trace = trace.tb_next
    return error.with_traceback(trace)
