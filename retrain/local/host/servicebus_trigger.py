"""Service Bus functions: so many messages or sessions at once, each settled by what came of it.

Success completes the message, a failure abandons it: it comes again with its delivery count one up
until the queue gives it up. The lock is renewed while the function runs. A session is kept until
nothing came for the idle time, and its messages go one by one, a failed one again before the next.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import suppress
from typing import Any

from retrain.local.host.errors import AppRefused
from retrain.local.host.functions import Function
from retrain.local.host.host_json import ServiceBusOptions
from retrain.local.host.invocations import Invocations
from retrain.local.host.lock_renewal import Renewal
from retrain.local.host.outputs import Apply
from retrain.local.host.prefetch import Prefetch
from retrain.local.host.queues import Delivery, Listener, LockedSession
from retrain.local.host.servicebus_message import message_of
from retrain.local.host.settling import Settling

log = logging.getLogger(__name__)

#: After the queue itself failed, in seconds, before it is asked again.
PAUSE = 1.0
#: Longer than any session's lock.
_FOR_EVER = 86400.0


class ServiceBusTrigger:
    """One Service Bus function and its queue or subscription."""

    def __init__(
        self,
        function: Function,
        listen: Callable[[], Listener],
        invocations: Invocations,
        apply: Apply,
        options: ServiceBusOptions,
    ) -> None:
        self._function = function
        self._listen = listen
        self._listener = listen()
        self._invocations = invocations
        self._apply = apply
        self._options = options
        self._settling = Settling(function, options)
        self._sessions = function.trigger.flag("isSessionsEnabled")
        self._binary = is_binary(function)
        limit = options.max_concurrent_sessions if self._sessions else options.max_concurrent_calls
        self._slots = asyncio.Semaphore(limit)
        self._underway: set[asyncio.Task[None]] = set()
        self._waiting: set[asyncio.Task[Any]] = set()
        self._receiving: asyncio.Task[None] | None = None
        self._ahead: Prefetch | None = None
        self._stopping = False

    async def start(self) -> None:
        if self._options.prefetch and not self._sessions:
            self._ahead = Prefetch(lambda: self._listener.next(), self._options.prefetch)
        self._receiving = asyncio.create_task(self._receive())

    async def run_now(self, delivery: Delivery) -> bool:
        """Call the function with a message that is in no queue; whether it succeeded."""
        return await self._call(delivery)

    async def stop(self, patience_seconds: float) -> None:
        """Receive no more, let messages under way be settled for so long; then abandon them."""
        self._stopping = True
        if self._receiving:
            self._receiving.cancel()
            await asyncio.gather(self._receiving, return_exceptions=True)
        if self._ahead:
            await self._ahead.close()
        for task in self._waiting:
            task.cancel()  # sessions that are only kept for what may still come
        if self._underway:
            await asyncio.wait(self._underway, timeout=patience_seconds)
        left = list(self._underway)
        for task in left:
            task.cancel()
        await asyncio.gather(*left, return_exceptions=True)

    async def _receive(self) -> None:
        receive = self._one_session if self._sessions else self._one_message
        while True:
            await self._slots.acquire()
            try:
                work = await receive()
            except asyncio.CancelledError:
                raise
            except Exception as error:  # noqa: BLE001 - whatever the queue says, it is asked again
                self._slots.release()
                log.warning("function %s can't receive: %s", self._function.name, error)
                await asyncio.sleep(PAUSE)
                self._listen_anew()
                continue
            task = asyncio.create_task(work)
            self._underway.add(task)
            task.add_done_callback(self._ended)

    def _listen_anew(self) -> None:
        """The queue may have been deleted, and made again under its name."""
        with suppress(AppRefused):
            self._listener = self._listen()

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._underway.discard(task)
        self._slots.release()
        if not task.cancelled() and task.exception():
            log.error(
                "function %s: its queue failed", self._function.name, exc_info=task.exception()
            )

    async def _one_message(self) -> Coroutine[Any, Any, None]:
        delivery = await (self._ahead or self._listener).next()
        return self._settle(delivery, delivery.renew_lock, lambda: delivery.locked_until)

    async def _one_session(self) -> Coroutine[Any, Any, None]:
        return self._serve(await self._listener.next_session())

    async def _serve(self, session: LockedSession) -> None:
        ahead = None
        if self._options.prefetch:
            ahead = Prefetch(lambda: _next_of(session), self._options.prefetch)
        try:
            while not self._stopping:
                delivery = await self._next(session, ahead)
                if delivery is None:
                    return
                await self._settle(delivery, session.renew, lambda: session.locked_until)
        finally:
            if ahead:
                await ahead.close()
            await session.close()

    async def _next(self, session: LockedSession, ahead: Prefetch | None) -> Delivery | None:
        task = asyncio.current_task()
        assert task is not None
        idle = self._options.session_idle_timeout
        self._waiting.add(task)
        try:
            if ahead is None:
                return await session.next(idle)
            return await asyncio.wait_for(ahead.next(), idle)
        except TimeoutError:
            return None
        finally:
            self._waiting.discard(task)

    async def _settle(
        self, delivery: Delivery, renew: Callable[[], Awaitable[None]], until: Callable[[], Any]
    ) -> None:
        renewal = Renewal(renew, until, self._options.max_lock_renewal)
        succeeded = False  # so it stays when the host stops: it comes again
        try:
            succeeded = await self._call(delivery)
        finally:
            renewal.stop()
            await self._settling.settle([delivery], succeeded=succeeded)

    async def _call(self, delivery: Delivery) -> bool:
        message = message_of(delivery, binary=self._binary)
        outcome = await self._invocations.call(self._function, message)
        return outcome.succeeded and await self._apply(self._function, outcome)


def is_binary(function: Function) -> bool:
    """Whether the binding says data_type=BINARY."""
    return function.trigger.text("dataType").upper() == "BINARY"


async def _next_of(session: LockedSession) -> Delivery:
    while True:
        delivery = await session.next(_FOR_EVER)
        if delivery is not None:
            return delivery
