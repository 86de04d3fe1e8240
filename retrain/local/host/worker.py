"""What Azure runs in a process of its own: the app's code, and the threads and the loop it runs on.

One worker at a time. When a function runs too long the host in Azure kills the worker's process
and starts another: every invocation under way in it dies, and module state is forgotten. Here a
killed worker is left behind: what runs in it is told to end, nothing it still returns is heard,
and the next worker imports the app afresh. What can't be copied in one process: a call that is
blocked in C lives on until it returns, and may do something yet.
"""

import asyncio
import os
import sys
import threading
from collections.abc import Coroutine, Mapping
from concurrent.futures import Future
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

from azure.functions import AsgiFunctionApp

from retrain.local.host.app_file import LoadedApp, forget_app, load_app
from retrain.local.host.context import Invocation
from retrain.local.host.functions import Function
from retrain.local.host.threads import Threads, WorkerLoop

#: The worker's own setting: how many sync functions run at once.
THREADS: Final = "PYTHON_THREADPOOL_THREAD_COUNT"


class WorkerDied(Exception):
    """The invocation was under way in a worker that was killed."""


class TimedOut(Exception):
    """The invocation ran longer than functionTimeout."""

    def __init__(self, seconds: float, place: str) -> None:
        super().__init__(
            f"Timeout value of {seconds:g} s (host.json's functionTimeout) was exceeded{place}. "
            "The worker restarts, and its other invocations die with it."
        )


class Worker:
    """One life of the app's code. Make it on the stack's loop; it is used from there only."""

    def __init__(self, root: Path, environment: Mapping[str, str]) -> None:
        self.functions: Mapping[str, Function] = {}
        self._root = root
        self._environment = environment
        self._threads = Threads(thread_count(environment))
        self._loop = WorkerLoop()
        self._died: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self._loaded: LoadedApp | None = None
        self.local = threading.local()
        self._threads_of: dict[str, int] = {}

    @property
    def app(self) -> LoadedApp:
        assert self._loaded is not None
        return self._loaded

    async def start(self, *, cached: bool = True) -> None:
        """Import the app, on the functions' own loop, as the worker in Azure does.

        cached: Python may keep compiled code; not when files change within a second. Raises
        AppRefused.
        """
        loading = self._loop.run(_load(self._root, self._environment, cached))
        self._loaded = loaded = await asyncio.wrap_future(loading)
        self.functions = {one.name: one for one in loaded.functions}

    async def call(
        self,
        function: Function,
        arguments: Mapping[str, Any],
        invocation: Invocation,
        timeout: float | None,
    ) -> Any:
        """What the function returns, or raises. Raises TimedOut, WorkerDied."""
        mine = self.functions[function.name]  # after a restart the trigger's is the dead one's
        running: Future[Any]
        if mine.is_async:
            running = self._loop.run(self._on_loop(mine, arguments, invocation))
        else:
            running = self._threads.run(lambda: self._in_thread(mine, arguments, invocation))
        future = asyncio.wrap_future(running)
        try:
            await asyncio.wait(
                {future, self._died}, timeout=timeout, return_when=asyncio.FIRST_COMPLETED
            )
            if future.done() and not future.cancelled():
                return future.result()
            cancelled = future.cancelled()  # by the function itself, or with the loop
        finally:
            future.cancel()  # ends a coroutine; a thread runs on
        if self._died.done():
            raise WorkerDied(self._died.result())
        if cancelled or timeout is None:
            raise WorkerDied("The function's own task was cancelled.")
        raise TimedOut(timeout, self._place(invocation))

    async def on_loop(self, coroutine: Coroutine[Any, Any, Any]) -> Any:
        """Await a coroutine on the functions' own loop."""
        return await asyncio.wrap_future(self._loop.run(coroutine))

    def kill(self, reason: str) -> None:
        """End it as a killed process ends: at once, whatever is under way in it."""
        if not self._died.done():
            self._died.set_result(reason)
        self._threads.kill()
        self._loop.end()
        self._forget(wholly=True)

    async def close(self, patience_seconds: float, *, wholly: bool = False) -> None:
        """End it in order; what still runs then is left to its fate.

        wholly: forget the app's code even where the stack had imported it before.
        """
        if self._loaded:
            await _end_asgi(self._loaded, self, patience_seconds)
        if not self._died.done():
            self._died.set_result("the host stops")
        self._threads.close()
        await asyncio.to_thread(self._loop.close, patience_seconds)
        self._forget(wholly)

    def _forget(self, wholly: bool) -> None:
        loaded, self._loaded = self._loaded, None
        if loaded:
            packages = loaded.packages()
            loaded.unload()
            if wholly:
                forget_app(self._root, packages)

    def _in_thread(
        self, function: Function, arguments: Mapping[str, Any], invocation: Invocation
    ) -> Any:
        self.local.invocation_id = invocation.id
        self._threads_of[invocation.id] = threading.get_ident()
        try:
            return function.call(**arguments)
        finally:
            del self._threads_of[invocation.id]

    def _place(self, invocation: Invocation) -> str:
        """Where in the app's own code a sync function is now, for messages."""
        frame = sys._current_frames().get(self._threads_of.get(invocation.id, 0))
        while frame is not None:
            path = Path(frame.f_code.co_filename)
            if path.is_relative_to(self._root) and "site-packages" not in path.parts:
                return f" at {path}:{frame.f_lineno}"
            frame = frame.f_back
        return ""

    async def _on_loop(
        self, function: Function, arguments: Mapping[str, Any], invocation: Invocation
    ) -> Any:
        self.local.invocation_id = invocation.id
        return await function.call(**arguments)


def thread_count(environment: Mapping[str, str]) -> int:
    """How many sync functions run at once: as set, or the worker's default.

    Source: azure-functions-python-worker, and ThreadPoolExecutor's own default, which it takes.
    """
    asked = environment.get(THREADS) or os.environ.get(THREADS, "")
    if asked.isdecimal() and int(asked) > 0:
        return int(asked)
    return min(32, (os.cpu_count() or 1) + 4)


async def _load(root: Path, environment: Mapping[str, str], cached: bool) -> LoadedApp:
    return load_app(root, environment, cached=cached)


async def _end_asgi(loaded: LoadedApp, worker: Worker, patience_seconds: float) -> None:
    # Its own way is a new event loop in __del__, where the application's events do not live.
    app = loaded.app
    if not isinstance(app, AsgiFunctionApp) or not app.startup_task_done:
        return
    app.startup_task_done = False
    with suppress(TimeoutError):
        ending = worker.on_loop(app.middleware.notify_shutdown())  # type: ignore[no-untyped-call]
        await asyncio.wait_for(ending, patience_seconds)
