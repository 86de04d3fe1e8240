"""Where functions run: sync ones in threads, async ones on a loop of their own.

Not on the stack's loop: the emulators live there, and a door that blocked it (an `async def` with a
blocking SDK call) would wait for an emulator that waits for it. The worker in Azure, too, has one
loop for all async functions, and one that blocks stalls only those.

The threads are daemons, unlike ThreadPoolExecutor's: a function that never returns can't be ended
(nor in Azure, but by ending the process), and must not keep the stack from ending.
"""

import asyncio
import ctypes
import threading
from collections.abc import Callable, Coroutine
from concurrent.futures import Future
from contextlib import suppress
from queue import SimpleQueue
from typing import Any

_Call = tuple[Callable[[], Any], "Future[Any]"]


class WorkerKilled(BaseException):
    """Raised in whatever still runs in a worker that was killed, at its next line of Python."""


class Threads:
    """A pool that grows to `limit` daemon threads, as they are needed."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._queue: SimpleQueue[_Call | None] = SimpleQueue()
        self._idle = threading.Semaphore(0)
        self._threads: list[threading.Thread] = []

    def run(self, call: Callable[[], Any]) -> "Future[Any]":
        """Run `call` in a thread, as soon as one is free."""
        future: Future[Any] = Future()
        self._queue.put((call, future))
        if not self._idle.acquire(blocking=False) and len(self._threads) < self._limit:
            name = f"function-{len(self._threads) + 1}"
            thread = threading.Thread(target=self._work, name=name, daemon=True)
            self._threads.append(thread)
            thread.start()
        return future

    def close(self) -> None:
        """Let every thread end once it is free."""
        for _ in self._threads:
            self._queue.put(None)

    def kill(self) -> None:
        """End the calls that run, too: each at its next line of Python.

        One that is inside a call to C (a sleep, a read from a socket) ends when that returns.
        """
        self.close()
        for thread in self._threads:
            if thread.ident is not None and thread.is_alive():
                ctypes.pythonapi.PyThreadState_SetAsyncExc(
                    ctypes.c_ulong(thread.ident), ctypes.py_object(WorkerKilled)
                )

    def _work(self) -> None:
        with suppress(WorkerKilled):
            while (work := self._queue.get()) is not None:
                call, future = work
                del work
                if future.set_running_or_notify_cancel():
                    _settle(future, call)
                del call, future  # a waiting thread must not keep the last message alive
                self._idle.release()


def _settle(future: "Future[Any]", call: Callable[[], Any]) -> None:
    try:
        result = call()
    except BaseException as error:  # noqa: BLE001 - even SystemExit is the caller's to judge
        future.set_exception(error)
    else:
        future.set_result(result)


class WorkerLoop:
    """An event loop in a thread of its own, for async functions."""

    def __init__(self) -> None:
        self._ready: Future[asyncio.AbstractEventLoop] = Future()
        self._ended = asyncio.Event()
        thread = threading.Thread(target=self._main, name="functions-loop", daemon=True)
        thread.start()
        self._thread = thread
        self._loop = self._ready.result()

    def run(self, coroutine: Coroutine[Any, Any, Any]) -> "Future[Any]":
        """Run a coroutine on the loop; cancelling the future cancels it."""
        return asyncio.run_coroutine_threadsafe(_held(coroutine), self._loop)

    def close(self, patience_seconds: float) -> None:
        """End the loop, cancelling what runs on it; leave it behind when it is blocked."""
        self.end()
        self._thread.join(patience_seconds)

    def end(self) -> None:
        """As close(), without waiting for it."""
        with suppress(RuntimeError):  # closed already
            self._loop.call_soon_threadsafe(self._ended.set)

    def _main(self) -> None:
        asyncio.run(self._until_closed())

    async def _until_closed(self) -> None:
        # A real main task, so that anyio ties its worker threads to it and not to each request.
        self._ready.set_result(asyncio.get_running_loop())
        await self._ended.wait()


async def _held(coroutine: Coroutine[Any, Any, Any]) -> Any:
    try:
        return await coroutine
    except (SystemExit, KeyboardInterrupt) as error:  # these would end the loop itself
        raise RuntimeError(f"It raised {error!r}, which ends no worker here.") from error
