"""An AMQP session: links by handle, flow control.

Incoming transfers are never held back (the window offered is as large as it can be), since what a
client may have unfinished is limited otherwise; outgoing ones wait for the client's window.
"""

from __future__ import annotations

from collections.abc import Iterator
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
from retrain.local.servicebus.wire.outbox import Outbox
from retrain.local.servicebus.wire.outgoing import OutgoingLink
from retrain.local.servicebus.wire.settlement import settle

if TYPE_CHECKING:
    from retrain.local.servicebus.wire.connection import Connection

_WINDOW: Final = 0x7FFFFFFF
#: The highest handle, as the service has it.
_HANDLES: Final = 255

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
        self.channel = channel
        self.outbox = Outbox(self, begin.incoming_window)
        self._next_incoming = begin.next_outgoing_id & WRAP
        remote = Encoded(encode(UShort(channel)))
        self.send(0x11, remote, UInt(0), UInt(_WINDOW), UInt(_WINDOW), UInt(_HANDLES))

    def send(self, code: int, *fields: object) -> None:
        self.connection.send(self.channel, encode_described_list(code, *fields))

    def outgoing(self) -> Iterator[OutgoingLink]:
        """The links on which the client receives; they may go while one looks."""
        return (link for link in list(self.links.values()) if isinstance(link, OutgoingLink))

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
        handle = attach.handle
        if not 0 <= handle <= _HANDLES:
            raise ProtocolViolation(
                "amqp:connection:framing-error", f"handle {handle} is beyond {_HANDLES}"
            )
        if handle in self.links:
            raise ProtocolViolation("amqp:session:handle-in-use", f"handle {handle} is in use")
        Attaching(self, attach, body).perform()

    def _transfer(self, transfer: Transfer, payload: bytes) -> None:
        self._next_incoming = (self._next_incoming + 1) & WRAP
        link = self.links.get(transfer.handle)
        if isinstance(link, IncomingLink):
            link.receive(transfer, payload)
        # else: a transfer that crossed our detach

    def _flow(self, flow: Flow) -> None:
        first = 0 if flow.next_incoming_id is None else flow.next_incoming_id
        window = (first + flow.incoming_window - self.outbox.sent) & WRAP
        self.outbox.window = 0 if window > _WINDOW else window
        self.outbox.resume()
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
        self._close(link, failed=False)
        self.send(0x16, UInt(detach.handle), True)

    # -- out

    def detach(self, link: Link, error: ServiceBusError) -> None:
        """End a link of the client's."""
        self.links.pop(link.handle, None)
        self._close(link, failed=True)
        self.send_detach(link.handle, error)

    def _close(self, link: Link, *, failed: bool) -> None:
        link.close(failed=failed)
        for number in [each for each, (owner, _) in self.unsettled.items() if owner is link]:
            del self.unsettled[number]

    def send_detach(self, handle: int, error: ServiceBusError) -> None:
        self.send(0x16, UInt(handle), True, outcomes.error(error.condition, str(error)))

    def flow(self, *link_fields: object) -> None:
        """Our window, and a link's credit if given: handle, delivery-count, credit, …"""
        self.send(
            *(0x13, UInt(self._next_incoming), UInt(_WINDOW)),
            *(UInt(self.outbox.sent), UInt(_WINDOW), *link_fields),
        )
