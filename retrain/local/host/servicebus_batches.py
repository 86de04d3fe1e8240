"""Service Bus functions with cardinality=many: one call at a time, with all there is up to a limit.

All messages of a call share its end: completed together, or abandoned together. Their locks are not
renewed. With minMessageBatchSize a call waits until there are so many, but no longer than
maxBatchWaitTime or half of the lock's time. A session's messages never mix with another's.
Source: azure-sdk-for-net, ServiceBusListener.RunBatchReceiveLoopAsync.
"""

import asyncio
import logging
import time
from collections.abc import Callable, Sequence
from contextlib import suppress

from retrain.local.host.errors import AppRefused
from retrain.local.host.functions import Function
from retrain.local.host.host_json import ServiceBusOptions
from retrain.local.host.invocations import Invocations
from retrain.local.host.lock_renewal import epoch
from retrain.local.host.outputs import Apply
from retrain.local.host.queues import Delivery, Listener, LockedSession
from retrain.local.host.servicebus_message import messages_of
from retrain.local.host.servicebus_trigger import PAUSE, is_binary
from retrain.local.host.settling import Settling

log = logging.getLogger(__name__)

#: A message that comes within so many seconds of the last one still joins it.
_AT_ONCE = 0.02


class _FromQueue:
    """A listener, asked as a session is."""

    def __init__(self, listener: Listener) -> None:
        self._listener = listener

    async def next(self, idle_seconds: float | None) -> Delivery | None:
        try:
            return await asyncio.wait_for(self._listener.next(), idle_seconds)
        except TimeoutError:
            return None


class ServiceBusBatches:
    """One function that takes many messages, and its queue or subscription."""

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
        self._receiving: asyncio.Task[None] | None = None
        self._calling = asyncio.Lock()

    async def start(self) -> None:
        self._receiving = asyncio.create_task(self._receive())

    async def run_now(self, delivery: Delivery) -> bool:
        """Call the function with one message that is in no queue; whether it succeeded."""
        return await self._call([delivery])

    async def stop(self, patience_seconds: float) -> None:
        """Receive no more, let a call under way end for so long; then abandon its messages."""
        if self._receiving is None:
            return
        with suppress(TimeoutError):
            async with asyncio.timeout(patience_seconds), self._calling:
                pass
        self._receiving.cancel()
        await asyncio.gather(self._receiving, return_exceptions=True)

    async def _receive(self) -> None:
        while True:
            try:
                if self._sessions:
                    await self._serve(await self._listener.next_session())
                else:
                    await self._give(_FromQueue(self._listener), None)
            except asyncio.CancelledError:
                raise
            except Exception as error:  # noqa: BLE001 - whatever the queue says, it is asked again
                log.warning("function %s can't receive: %s", self._function.name, error)
                await asyncio.sleep(PAUSE)
                with suppress(AppRefused):  # it may have been deleted, and made again
                    self._listener = self._listen()

    async def _serve(self, session: LockedSession) -> None:
        try:
            while await self._give(session, self._options.session_idle_timeout):
                pass
        finally:
            await session.close()

    async def _give(self, source: "LockedSession | _FromQueue", idle: float | None) -> bool:
        """One call, if anything comes in time; whether it did."""
        batch: list[Delivery] = []
        try:
            await self._gather(batch, source, idle)
        except BaseException:
            for delivery in batch:
                delivery.release()
            raise
        if batch:
            async with self._calling:
                await self._settled(batch)
        return bool(batch)

    async def _gather(
        self, batch: list[Delivery], source: "LockedSession | _FromQueue", idle: float | None
    ) -> None:
        first = await source.next(idle)  # type: ignore[arg-type]
        if first is None:
            return
        batch.append(first)
        now = time.time()
        longest = min(self._options.max_batch_wait, (epoch(first.locked_until) - now) / 2)
        while len(batch) < self._options.max_batch:
            left = now + longest - time.time() if len(batch) < self._options.min_batch else 0.0
            more = await source.next(max(left, _AT_ONCE))
            if more is None:
                return
            batch.append(more)

    async def _settled(self, batch: Sequence[Delivery]) -> None:
        succeeded = False  # so it stays when the host stops: they come again
        try:
            succeeded = await self._call(batch)
        finally:
            await self._settling.settle(batch, succeeded=succeeded)

    async def _call(self, batch: Sequence[Delivery]) -> bool:
        messages = messages_of(batch, binary=self._binary)
        outcome = await self._invocations.call(self._function, messages)
        return outcome.succeeded and await self._apply(self._function, outcome)
