"""Deliveries of one session on their way out, in frames that the client has room for.

Each frame needs a place in the client's window, and the connection's output must not be full. A
delivery larger than a frame goes in many; those of different links take turns, so that a large
message does not keep a small one waiting.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from retrain.local.servicebus.amqp import UInt, encode_described_list
from retrain.local.servicebus.amqp.performatives import WRAP

if TYPE_CHECKING:
    from retrain.local.servicebus.wire.outgoing import OutgoingLink
    from retrain.local.servicebus.wire.session import Session

#: What a transfer's performative needs of a frame at most, and the frame's own header.
_OVERHEAD: Final = 64


@dataclass(slots=True, eq=False)
class Delivery:
    """token: of the lock, to be settled by the client; None when it is settled already.

    sent: bytes of the payload that went out.
    """

    link: OutgoingLink
    tag: bytes
    payload: bytes
    token: bytes | None
    sent: int = 0


class Outbox:
    """window: frames that the client takes now. sent: frames that went out, modulo 2^32."""

    def __init__(self, session: Session, window: int) -> None:
        self.window = window
        self.sent = 0
        self._session = session
        self._connection = session.connection
        self._deliveries = 0
        self._lines: dict[OutgoingLink, deque[Delivery]] = {}  # by whose turn it is
        self._scheduled = False

    def put(self, delivery: Delivery) -> None:
        """Send it, or what goes of it now."""
        line = self._lines.get(delivery.link)
        if line is None:
            self._lines[delivery.link] = deque((delivery,))
            self._pump()
        else:
            line.append(delivery)

    def holds(self, link: OutgoingLink) -> bool:
        """Whether the link must wait before it sends more."""
        return link in self._lines or self.window <= 0 or self._connection.full

    def unsent(self, link: OutgoingLink) -> int:
        """Deliveries of which nothing went out yet."""
        return sum(not each.sent for each in self._lines.get(link, ()))

    def forget(self, link: OutgoingLink) -> None:
        """The link is closed: the rest of what it has to send is not sent."""
        self._lines.pop(link, None)

    def resume(self) -> None:
        """There is room again: for links that were held up, and for what waits here."""
        self._scheduled = False
        for link in self._session.outgoing():
            if link.held and not self.holds(link):
                link.work()
        self._pump()

    def _pump(self) -> None:
        lines = self._lines
        while lines and self.window > 0 and not self._connection.full:
            link = next(iter(lines))
            line = lines.pop(link)
            if self._frame(line[0]):
                link.gone(line.popleft())
            if line:
                lines[link] = line
            elif link.held:
                self._soon()

    def _soon(self) -> None:
        # Not here: who is let go on delivers, and a delivery comes here again.
        if not self._scheduled:
            self._scheduled = True
            self._connection.soon(self.resume)

    def _frame(self, delivery: Delivery) -> bool:
        """Send the next frame; whether it was the last one."""
        handle = UInt(delivery.link.handle)
        start, end = delivery.sent, delivery.sent + self._connection.max_frame - _OVERHEAD
        more = end < len(delivery.payload)
        if start:
            head = encode_described_list(0x14, handle, None, None, None, None, more)
        else:
            number = self._number(delivery)
            settled = delivery.token is None
            head = encode_described_list(0x14, handle, number, delivery.tag, UInt(0), settled, more)
        self.window -= 1
        self.sent = (self.sent + 1) & WRAP
        delivery.sent = end
        payload = delivery.payload if not start and not more else delivery.payload[start:end]
        self._connection.send(self._session.channel, head, payload)
        return not more

    def _number(self, delivery: Delivery) -> UInt:
        """The delivery begins, with the next delivery number."""
        number = self._deliveries
        self._deliveries = (number + 1) & WRAP
        delivery.link.begun()
        if delivery.token is not None:
            self._session.unsettled[number] = (delivery.link, delivery.token)
        return UInt(number)
