"""An AMQP session: links by handle, delivery numbers, flow control.

Incoming transfers are never held back (the window offered is as large as it can be); outgoing ones
wait for the client's window.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Final

from retrain.local.servicebus.amqp import (
    DecodeError,
    Encoded,
    UInt,
    UShort,
    encode,
    encode_described_list,
)
from retrain.local.servicebus.amqp.performatives import (
    WRAP,
    Attach,
    Begin,
    Detach,
    Disposition,
    Flow,
    Performative,
    Transfer,
)
from retrain.local.servicebus.errors import ServiceBusError
from retrain.local.servicebus.wire import outcomes
from retrain.local.servicebus.wire.attaching import Attaching
from retrain.local.servicebus.wire.incoming import IncomingLink
from retrain.local.servicebus.wire.outgoing import OutgoingLink
from retrain.local.servicebus.wire.settlement import settle

if TYPE_CHECKING:
    from retrain.local.servicebus.wire.connection import Connection

_WINDOW: Final = 0x7FFFFFFF
_HANDLES: Final = 0xFFFF
#: What a transfer's performative needs of a frame at most, and the frame's own header.
_OVERHEAD: Final = 64

Link = IncomingLink | OutgoingLink


class ProtocolViolation(Exception):
    """The client broke AMQP's rules in a way that ends its connection."""

    def __init__(self, condition: str, description: str) -> None:
        super().__init__(description)
        self.condition = condition


class Session:
    """unsettled: by delivery number, the link and the lock's token."""

    def __init__(self, connection: Connection, channel: int, begin: Begin) -> None:
        self.connection = connection
        self.namespace = connection.namespace
        self.links: dict[int, Link] = {}
        self.unsettled: dict[int, tuple[OutgoingLink, bytes]] = {}
        self.waiting: dict[int, Attaching] = {}  # by handle: for the next session
        self._channel = channel
        self._next_incoming = begin.next_outgoing_id & WRAP
        self._next_outgoing = 0
        self._window = begin.incoming_window
        self._waiting: deque[tuple[bytes, bytes]] = deque()  # transfers beyond the window
        remote = Encoded(encode(UShort(channel)))
        self.send(0x11, remote, UInt(0), UInt(_WINDOW), UInt(_WINDOW), UInt(_HANDLES))

    def send(self, code: int, *fields: object) -> None:
        self.connection.send(self._channel, encode_described_list(code, *fields))

    def close(self, *, failed: bool) -> None:
        """failed: the client vanished without a word."""
        for link in list(self.links.values()):
            link.close(failed=failed)
        self.links.clear()
        self.unsettled.clear()

    def check_claims(self) -> None:
        """Let go of the links whose token has come to its end."""
        for link in list(self.links.values()):
            error = self.connection.claims.lost(link.claim) if link.claim else None
            waiting = self.waiting.pop(link.handle, None) if error else None
            if error and waiting and isinstance(link, OutgoingLink) and link.waiting:
                link.close(failed=False)
                waiting.refuse(error)
            elif error:
                self.detach(link, error)

    # -- in

    def receive(self, performative: Performative, body: bytes, payload: int) -> None:
        """Any performative that belongs to a session. Raises ProtocolViolation, DecodeError."""
        match performative:
            case Transfer():
                self._transfer(performative, body[payload:])
            case Disposition():
                settle(self, performative)
            case Flow():
                self._flow(performative)
            case Attach():
                self._attach(performative, body)
            case Detach():
                self._detach(performative)
            case _:
                raise DecodeError(f"{type(performative).__name__} does not belong in a session")

    def _attach(self, attach: Attach, body: bytes) -> None:
        if attach.handle in self.links or not 0 <= attach.handle <= _HANDLES:
            raise ProtocolViolation(
                "amqp:session:handle-in-use", f"handle {attach.handle} can't be attached"
            )
        Attaching(self, attach, body).perform()

    def _transfer(self, transfer: Transfer, payload: bytes) -> None:
        self._next_incoming = (self._next_incoming + 1) & WRAP
        link = self.links.get(transfer.handle)
        if isinstance(link, IncomingLink):
            link.receive(transfer, payload)
        # else: a transfer that crossed our detach

    def _flow(self, flow: Flow) -> None:
        first = 0 if flow.next_incoming_id is None else flow.next_incoming_id
        sent = self._next_outgoing - len(self._waiting)
        window = (first + flow.incoming_window - sent) & WRAP
        self._window = 0 if window > _WINDOW else window
        while self._waiting and self._window > 0:
            self._window -= 1
            self.connection.send(self._channel, *self._waiting.popleft())
        link = None if flow.handle is None else self.links.get(flow.handle)
        if link is not None:
            link.flow(flow)
        elif flow.echo:
            self.flow()

    def _detach(self, detach: Detach) -> None:
        link = self.links.pop(detach.handle, None)
        waiting = self.waiting.pop(detach.handle, None)
        if link is None:
            return  # the answer to a detach of ours
        if waiting and isinstance(link, OutgoingLink) and link.waiting:
            waiting.answer_nowhere()
        link.close(failed=False)
        self.send(0x16, UInt(detach.handle), True)

    # -- out

    def detach(self, link: Link, error: ServiceBusError) -> None:
        """End a link of the client's."""
        self.links.pop(link.handle, None)
        link.close(failed=True)
        self.send_detach(link.handle, error)

    def send_detach(self, handle: int, error: ServiceBusError) -> None:
        self.send(0x16, UInt(handle), True, outcomes.error(error.condition, str(error)))

    def flow(self, *link_fields: object) -> None:
        """Our window, and a link's credit if given: handle, delivery-count, credit, …"""
        self.send(
            *(0x13, UInt(self._next_incoming), UInt(_WINDOW)),
            *(UInt(self._next_outgoing), UInt(_WINDOW), *link_fields),
        )

    def transfer(self, link: OutgoingLink, tag: bytes, payload: bytes, token: bytes | None) -> None:
        """Send one delivery, in as many frames as it needs. token: to be settled by the client."""
        number = self._next_outgoing
        if token is not None:
            self.unsettled[number] = (link, token)
        head: list[object] = [UInt(link.handle), UInt(number), tag, UInt(0), token is None]
        room = self.connection.max_frame - _OVERHEAD
        for start in range(0, len(payload) or 1, room):
            more = start + room < len(payload)
            self._put(encode_described_list(0x14, *head, more), payload[start : start + room])
            head = [UInt(link.handle), None, None, None, None]

    def _put(self, body: bytes, payload: bytes) -> None:
        # Each frame of a delivery has a transfer number of its own in the window's sense, and
        # delivery numbers need only be unique and rising: they are the same counter here.
        self._next_outgoing = (self._next_outgoing + 1) & WRAP
        if self._window > 0 and not self._waiting:
            self._window -= 1
            self.connection.send(self._channel, body, payload)
        else:
            self._waiting.append((body, payload))
