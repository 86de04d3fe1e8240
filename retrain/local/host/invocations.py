"""Calls a function once: arguments in, outcome out, time limit, one log line when it fails.

What the outcome means (complete the message, answer 500, try again) is the trigger's to say.
"""

import asyncio
import logging
import threading
import uuid
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import azure.functions as func

from retrain.local.host.context import Context, Invocation
from retrain.local.host.functions import RETURN, Function
from retrain.local.host.threads import Threads, WorkerLoop

log = logging.getLogger(__name__)

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
    """How an invocation ended. `values` are the outputs by binding name, `$return` among them."""

    how: str
    values: dict[str, Any] = field(default_factory=dict)

    @property
    def succeeded(self) -> bool:
        return self.how == SUCCEEDED


class Invocations:
    """Calls functions and counts the calls by (function, outcome)."""

    def __init__(self, root: Path, timeout_seconds: float | None, threads: int) -> None:
        self.counts: Counter[tuple[str, str]] = Counter()
        self.underway = 0
        self._root = str(root)
        self._timeout = timeout_seconds
        self._threads = Threads(threads)
        self._loop = WorkerLoop()
        self._local = threading.local()

    async def call(
        self, function: Function, value: Any, *, retries: int = 0, max_retries: int = 0
    ) -> Outcome:
        """Call `function` with its trigger's value. Never raises for what the function does."""
        invocation = Invocation(str(uuid.uuid4()), function.name, self._root, retries, max_retries)
        outs = {binding.name: Out() for binding in function.outputs if binding.name != RETURN}
        arguments: dict[str, Any] = {function.trigger.name: value, **outs}
        if function.wants_context:
            arguments["context"] = Context(invocation, self._local)
        self.underway += 1
        try:
            returned = await self._run(function, arguments, invocation)
        except asyncio.CancelledError:
            raise
        except BaseException as error:  # noqa: BLE001 - a function may raise anything at all
            return self.failed(function, invocation.id, error)
        finally:
            self.underway -= 1
        self.counts[function.name, SUCCEEDED] += 1
        return Outcome(
            SUCCEEDED, {**{name: out.get() for name, out in outs.items()}, RETURN: returned}
        )

    def failed(self, function: Function, invocation: str, error: BaseException) -> Outcome:
        """Count and log a failure; the outcome to hand on."""
        how = TIMED_OUT if isinstance(error, _TimedOut) else FAILED
        self.counts[function.name, how] += 1
        log.error(
            "function %s %s (invocation %s)",
            function.name,
            how,
            invocation,
            exc_info=_without_us(error),
        )
        return Outcome(how)

    def close(self, patience_seconds: float) -> None:
        """Let the threads and the loop end; what still runs is left to its fate."""
        self._threads.close()
        self._loop.close(patience_seconds)

    async def on_loop(self, coroutine: Any) -> Any:
        """Await a coroutine on the functions' own loop."""
        return await asyncio.wrap_future(self._loop.run(coroutine))

    async def _run(
        self, function: Function, arguments: dict[str, Any], invocation: Invocation
    ) -> Any:
        if function.is_async:
            running = self._loop.run(self._on_loop(function, arguments, invocation))
        else:
            running = self._threads.run(lambda: self._in_thread(function, arguments, invocation))
        future = asyncio.wrap_future(running)
        if self._timeout is None:
            return await future
        done, _ = await asyncio.wait([future], timeout=self._timeout)
        if not done:
            future.cancel()  # ends a coroutine; a thread runs on, as nothing can stop it
            raise _TimedOut(self._timeout)
        return future.result()

    def _in_thread(
        self, function: Function, arguments: dict[str, Any], invocation: Invocation
    ) -> Any:
        self._local.invocation_id = invocation.id
        return function.call(**arguments)

    async def _on_loop(
        self, function: Function, arguments: dict[str, Any], invocation: Invocation
    ) -> Any:
        self._local.invocation_id = invocation.id
        return await function.call(**arguments)


def _without_us(error: BaseException) -> BaseException:
    """The error with its trace from the function on: the host's own frames help nobody."""
    trace, us = error.__traceback__, str(Path(__file__).parent)
    while trace and trace.tb_next and trace.tb_frame.f_code.co_filename.startswith(us):
        trace = trace.tb_next
    return error.with_traceback(trace)


class _TimedOut(Exception):
    def __init__(self, seconds: float) -> None:
        super().__init__(
            f"It ran longer than host.json's functionTimeout of {seconds:g} s. Azure would restart "
            "the worker now, and its other invocations with it."
        )
