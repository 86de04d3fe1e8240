"""Service Bus functions: so many messages or sessions at once, each settled by what came of it.

Success completes the message, a failure abandons it: it comes again with its delivery count one up
until the queue gives it up. The lock is renewed while the function runs. A session is kept until
nothing came for the idle time, and its messages go one by one, a failed one again before the next.
"""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Coroutine
from datetime import datetime
from typing import Any

from retrain.local.host.functions import Function
from retrain.local.host.host_json import ServiceBusOptions
from retrain.local.host.invocations import Invocations
from retrain.local.host.outputs import Apply
from retrain.local.host.queues import Delivery, Listener, LockedSession
from retrain.local.host.servicebus_message import message_of

log = logging.getLogger(__name__)

#: Renewal is due when this part of the lock's time has gone.
_RENEW_AT = 0.5
#: After the queue itself failed, in seconds, before it is asked again.
_PAUSE = 1.0


class ServiceBusTrigger:
    """One Service Bus function and its queue."""

    def __init__(
        self,
        function: Function,
        listener: Listener,
        invocations: Invocations,
        apply: Apply,
        options: ServiceBusOptions,
    ) -> None:
        self._function = function
        self._listener = listener
        self._invocations = invocations
        self._apply = apply
        self._options = options
        self._sessions = function.trigger.flag("isSessionsEnabled")
        self._binary = function.trigger.text("dataType").upper() == "BINARY"
        complete = function.trigger.fields.get("autoCompleteMessages")
        self._complete = options.auto_complete if complete is None else bool(complete)
        limit = options.max_concurrent_sessions if self._sessions else options.max_concurrent_calls
        self._slots = asyncio.Semaphore(limit)
        self._underway: set[asyncio.Task[None]] = set()
        self._waiting: set[asyncio.Task[Any]] = set()
        self._receiving: asyncio.Task[None] | None = None
        self._stopping = False

    async def start(self) -> None:
        self._receiving = asyncio.create_task(self._receive())

    async def _receive(self) -> None:
        receive = self._one_session if self._sessions else self._one_message
        while True:
            await self._slots.acquire()
            try:
                work = await receive()
            except asyncio.CancelledError:
                raise
            except Exception:
                log.exception("function %s can't receive", self._function.name)
                self._slots.release()
                await asyncio.sleep(_PAUSE)
                continue
            task = asyncio.create_task(work)
            self._underway.add(task)
            task.add_done_callback(self._ended)

    async def stop(self, patience_seconds: float) -> None:
        """Receive no more, let messages under way be settled for so long; then abandon them."""
        self._stopping = True
        if self._receiving:
            self._receiving.cancel()
            await asyncio.gather(self._receiving, return_exceptions=True)
        for task in self._waiting:
            task.cancel()  # sessions that are only kept for what may still come
        if self._underway:
            await asyncio.wait(self._underway, timeout=patience_seconds)
        left = list(self._underway)
        for task in left:
            task.cancel()
        await asyncio.gather(*left, return_exceptions=True)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._underway.discard(task)
        self._slots.release()
        if not task.cancelled() and task.exception():
            log.error(
                "function %s: its queue failed", self._function.name, exc_info=task.exception()
            )

    async def _one_message(self) -> Coroutine[Any, Any, None]:
        delivery = await self._listener.next()
        return self._settle(delivery, delivery.renew_lock, lambda: delivery.locked_until)

    async def _one_session(self) -> Coroutine[Any, Any, None]:
        return self._serve(await self._listener.next_session())

    async def _serve(self, session: LockedSession) -> None:
        try:
            while not self._stopping:
                delivery = await self._next(session)
                if delivery is None:
                    return
                await self._settle(delivery, session.renew, lambda: session.locked_until)
        finally:
            await session.close()

    async def _next(self, session: LockedSession) -> Delivery | None:
        task = asyncio.current_task()
        assert task is not None
        self._waiting.add(task)
        try:
            return await session.next(self._options.session_idle_timeout)
        finally:
            self._waiting.discard(task)

    async def _settle(
        self, delivery: Delivery, renew: Callable[[], Awaitable[None]], until: Callable[[], Any]
    ) -> None:
        renewal = _Renewal(renew, until, self._options.max_lock_renewal)
        try:
            succeeded = await self._call(delivery)
        except asyncio.CancelledError:
            await self._settled(delivery, succeeded=False)  # the host stops; it comes again
            raise
        finally:
            renewal.stop()
        if succeeded and not self._complete:
            return
        await self._settled(delivery, succeeded)

    async def _settled(self, delivery: Delivery, succeeded: bool) -> None:
        try:
            await (delivery.complete() if succeeded else delivery.abandon())
        except Exception as error:  # noqa: BLE001 - whatever the queue says, the message comes again
            log.warning(
                "message %s of %s can't be settled and comes again: %s",
                *(delivery.message_id, self._function.name, error),
            )

    async def _call(self, delivery: Delivery) -> bool:
        message = message_of(delivery, binary=self._binary)
        outcome = await self._invocations.call(self._function, message)
        return outcome.succeeded and await self._apply(self._function, outcome)


class _Renewal:
    """Renews a lock at half its time, until stopped or the longest renewal has passed."""

    def __init__(
        self, renew: Callable[[], Awaitable[None]], until: Callable[[], Any], longest: float
    ) -> None:
        self._renew = renew
        self._until = until
        self._give_up = time.time() + longest
        self._task: asyncio.Task[None] | None = None
        # No task for the many functions that are done long before: only a timer.
        self._timer: asyncio.TimerHandle | None = None
        self._plan()

    def stop(self) -> None:
        if self._timer:
            self._timer.cancel()
        if self._task:
            self._task.cancel()

    def _plan(self) -> None:
        left = _epoch(self._until()) - time.time()
        wait = max(0.0, left * _RENEW_AT)
        if time.time() + wait < self._give_up:
            loop = asyncio.get_running_loop()
            self._timer = loop.call_later(wait, self._begin)

    def _begin(self) -> None:
        self._task = asyncio.create_task(self._once())

    async def _once(self) -> None:
        try:
            await self._renew()
        except Exception as error:  # noqa: BLE001 - a lost lock: the message comes again
            log.warning("a lock can't be renewed: %s", error)
            return
        self._plan()


def _epoch(moment: Any) -> float:
    return moment.timestamp() if isinstance(moment, datetime) else float(moment)
