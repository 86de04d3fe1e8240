"""A link on which the client sends: messages into a queue, or requests."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Protocol

from retrain.local.servicebus.amqp import DecodeError, UInt
from retrain.local.servicebus.amqp.performatives import WRAP, Flow, Transfer
from retrain.local.servicebus.errors import (
    BadRequest,
    MessageTooLarge,
    NotImplementedHere,
    ServiceBusError,
)
from retrain.local.servicebus.wire.claims import Claim
from retrain.local.servicebus.wire.outcomes import ACCEPTED, TRANSACTIONAL_CODE, rejected
from retrain.local.servicebus.wire.suffering import LinkClosed

if TYPE_CHECKING:
    from retrain.local.servicebus.wire.session import Session

#: Transfers a client may send ahead; topped up when half are used.
_CREDIT: Final = 1000


class Sink(Protocol):
    """Where a link's transfers go. `limit`: the largest that it looks at, in bytes.

    entity: whose messages they are; None for requests.
    """

    limit: int
    entity: str | None

    @property
    def told(self) -> int:
        """The largest message, as clients are told."""

    def take(self, payload: bytes, message_format: int | None) -> None:
        """Raises ServiceBusError, DecodeError: the transfer is rejected with the reason."""


class IncomingLink:
    """One attached link, and the parts of a transfer that is not complete yet."""

    def __init__(self, session: Session, name: str, handle: int, sink: Sink) -> None:
        self.name = name
        self.handle = handle
        self.limit = sink.told
        self.claim: Claim | None = None
        self.entity = sink.entity
        self._session = session
        self._sink = sink
        self._credit = _CREDIT
        self._count = 0
        self._first: Transfer | None = None
        self._parts: list[bytes] = []
        self._size = self._held = 0  # bytes of it that came, and that are kept

    def attached(self) -> None:
        """The client has our side of the link: let it send."""
        self._grant()

    def close(self, *, failed: bool) -> None:
        """What came of an unfinished transfer is forgotten."""
        self._forget()

    def ended(self, error: ServiceBusError) -> None:
        """The client's link is to be no more."""
        self._session.detach(self, error)

    def flow(self, flow: Flow) -> None:
        if flow.echo:
            self._grant()

    def receive(self, transfer: Transfer, payload: bytes) -> None:
        """A transfer's frame; the last one makes it whole."""
        if self._first is None:
            self._first = transfer
        self._size += len(payload)
        if transfer.aborted:
            self._forget()
        elif transfer.more:
            if self._size <= self._sink.limit:  # else it is only counted, to be told
                self._parts.append(payload)
                self._hold(len(payload))
        else:
            first, size = self._first, self._size
            whole = b"".join((*self._parts, payload)) if self._parts else payload
            self._forget()
            self._whole(first, whole, size)

    def _hold(self, size: int) -> None:
        self._held += size
        self._session.connection.begun(size)

    def _forget(self) -> None:
        self._first = None
        self._parts.clear()
        self._hold(-self._held)
        self._size = 0

    def _whole(self, first: Transfer, payload: bytes, size: int) -> None:
        if first.delivery_id is None:
            raise DecodeError("a transfer has no delivery-id")
        self._count = (self._count + 1) & WRAP
        self._credit -= 1
        outcome = ACCEPTED
        try:
            self._check(first, size)
            self._sink.take(payload, first.message_format)
        except LinkClosed as error:
            self._session.detach(self, error)
            return
        except ServiceBusError as error:
            outcome = rejected(error)
        except DecodeError as error:
            outcome = rejected(BadRequest(f"The message can't be read: {error}."))
        if not first.settled:
            number = UInt(first.delivery_id & WRAP)
            self._session.send(0x15, True, number, None, True, outcome)
        if self._credit < _CREDIT // 2:
            self._credit = _CREDIT
            self._grant()

    def _check(self, first: Transfer, size: int) -> None:
        """Raises NotImplementedHere, MessageTooLarge."""
        if first.state and first.state.descriptor == TRANSACTIONAL_CODE:
            raise NotImplementedHere("There are no transactions here.")
        if size > self._sink.limit:
            raise MessageTooLarge(self._sink.told, size)

    def _grant(self) -> None:
        self._session.flow(UInt(self.handle), UInt(self._count), UInt(self._credit))
