"""What goes out to one client: collected, and written once for each turn of the event loop.

It is written after the store has committed: so nothing is acknowledged that is not on disk, and
many acknowledgements share one transaction. A client that reads slowly makes it `full`; who has
more to send then waits until `drained` is called.
"""

import asyncio
import logging
import sqlite3
from collections.abc import Callable

from retrain.local.servicebus.wire.limits import Limits

log = logging.getLogger(__name__)


class Output:
    """full: no more deliveries now; what answers a client is taken all the same."""

    def __init__(
        self,
        transport: asyncio.Transport,
        limits: Limits,
        commit: Callable[[], None],
        drained: Callable[[], None],
    ) -> None:
        self.full = False
        self._transport = transport
        self._limits = limits
        self._commit = commit
        self._drained = drained
        self._loop = asyncio.get_running_loop()
        self._parts: list[bytes] = []
        self._size = 0
        self._held_until = 0.0
        self._blocked = False
        self._deaf = False
        transport.set_write_buffer_limits(high=limits.output_bytes)

    def put(self, data: bytes) -> None:
        """It goes out when this turn of the event loop is over."""
        if not self._parts:
            self._loop.call_soon(self.flush)
        self._parts.append(data)
        self._size += len(data)
        if self._size >= self._limits.output_bytes:
            self.full = True

    def hold(self, seconds: float) -> None:
        """Say nothing for so long; then all of it, in order."""
        self._held_until = max(self._held_until, self._loop.time() + seconds)

    def flush(self) -> None:
        if self._held_until and self._loop.time() < self._held_until:
            self._loop.call_at(self._held_until, self.flush)
            return
        parts, self._parts, self._size = self._parts, [], 0
        if not parts or self._transport.is_closing():
            return
        try:
            self._commit()
        except sqlite3.Error:
            # Nothing may be acknowledged that is not kept: the client learns it by the cut.
            log.exception("a client is cut off, since its messages can't be written to disk")
            self._transport.abort()
            return
        self._transport.write(b"".join(parts))
        if self._blocked:
            self._listen()
        elif self.full:
            self.full = False
            self._drained()

    def block(self) -> None:
        """The transport has more than it should."""
        self._blocked = self.full = True

    def unblock(self) -> None:
        """It has written most of it."""
        self._blocked = self.full = False
        self._listen()
        self._drained()

    def _listen(self) -> None:
        """Hear the client or not: who asks more and more but takes no answers is not heard."""
        deaf = self._transport.get_write_buffer_size() > self._limits.backlog_bytes
        if deaf != self._deaf and not self._transport.is_closing():
            self._deaf = deaf
            (self._transport.pause_reading if deaf else self._transport.resume_reading)()
