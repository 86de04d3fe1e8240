"""Requests over AMQP: one link brings them, another of the same address takes the replies.

`$cbs` receives tokens, which the connection's claims judge.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from retrain.local.servicebus import management
from retrain.local.servicebus.amqp import (
    DecodeError,
    Encoded,
    Int,
    Symbol,
    decode,
    encode,
    encode_described_list,
    raw_items,
    sections,
)
from retrain.local.servicebus.engine.entities import Entity
from retrain.local.servicebus.errors import BadRequest, ServiceBusError
from retrain.local.servicebus.messages import APPLICATION, PROPERTIES, VALUE
from retrain.local.servicebus.sas import Right
from retrain.local.servicebus.wire.claims import Claim
from retrain.local.servicebus.wire.outgoing import OutgoingLink
from retrain.local.servicebus.wire.suffering import LinkClosed, suffer

if TYPE_CHECKING:
    from retrain.local.servicebus.wire.session import Session

log = logging.getLogger(__name__)

#: How a reply calls its status, the status's text, and the error's condition.
_CBS_WORDS: Final = ("status-code", "status-description", "error-condition")
_MANAGEMENT_WORDS: Final = ("statusCode", "statusDescription", "errorCondition")
#: Bytes of a request beside a message to be scheduled.
_LIMIT: Final = 1 << 22
#: What a sender asks for; everything else is a receiver's.
_SENDING: Final = ("com.microsoft:schedule-message", "com.microsoft:cancel-scheduled-message")


class Requests:
    """The sink of a request link. entity: None for `$cbs`."""

    entity: str | None = None

    def __init__(self, session: Session, address: str, entity: Entity | None) -> None:
        self._session = session
        self._address = address
        self._entity = entity
        largest = entity.settings.max_message_bytes if entity else 0
        self.limit = self.told = largest + _LIMIT

    def take(self, payload: bytes, message_format: int | None) -> None:
        request = _read(payload)
        reply = self._answer(request)
        link = self._replies_to(request.reply_to)
        if link:
            link.reply(encode_described_list(PROPERTIES, *(None,) * 5, request.id) + reply)

    def _replies_to(self, name: Any) -> OutgoingLink | None:
        """The link for replies that the request names, or else the first of the same address."""
        links = [each for each in self._session.outgoing() if each.address == self._address]
        named = (each for each in links if each.target == name)
        return next(named, links[0] if links else None)

    def _answer(self, request: _Request) -> bytes:
        if self._entity is None:
            return self._put_token(request.terms, request.body)
        try:
            right = Right.SEND if request.terms.get("operation") in _SENDING else Right.LISTEN
            self._session.connection.claims.require(Claim(self._address, (right,)))
            result = self._perform(
                management.Request(
                    namespace=self._session.namespace,
                    entity=self._entity,
                    operation=str(request.terms.get("operation")),
                    body=request.body if isinstance(request.body, dict) else {},
                    named="associated-link-name" in request.terms,
                    consumer=self._receiver(request.terms.get("associated-link-name")),
                )
            )
        except DecodeError as error:
            return self._refusal(BadRequest(f"A message in the request can't be read: {error}."))
        except LinkClosed:
            raise
        except ServiceBusError as error:
            return self._refusal(error)
        if result is None:
            return _reply(_MANAGEMENT_WORDS, 204, "NoContent", {})
        return _reply(_MANAGEMENT_WORDS, 200, "OK", result)

    def _put_token(self, properties: dict[Any, Any], token: Any) -> bytes:
        try:
            if properties.get("operation") != "put-token":
                raise BadRequest("The only operation of $cbs is put-token.")
            # Its type is not looked at: the Python client calls signatures `jwt`.
            self._session.connection.claims.put(str(token), str(properties.get("name")))
        except ServiceBusError as error:
            # Here too, since the Python client tells of a condition and not of the reason.
            log.warning("no entry to %s: %s", properties.get("name"), error)
            # The service tells a condition too, and its Python client then forgets the reason.
            return _reply(_CBS_WORDS, error.status, str(error), {})
        return _reply(_CBS_WORDS, 202, "Accepted", {})

    def _perform(self, request: management.Request) -> dict[str, Any] | None:
        if not self._session.namespace.faults.armed:
            return management.perform(request)
        session = request.body.get("session-id")
        return suffer(
            self._session.connection,
            request.counted_as,
            request.entity.name,
            lambda: management.perform(request),
            session if isinstance(session, str) else None,
        )

    def _refusal(self, error: ServiceBusError) -> bytes:
        return _reply(_MANAGEMENT_WORDS, error.status, str(error), {}, error.condition)

    def _receiver(self, name: Any) -> OutgoingLink | None:
        """Of whichever of the connection's sessions; None when there is no such link any more."""
        for link in self._session.connection.links():
            if link.name == name and isinstance(link, OutgoingLink):
                return link
        return None


class _Request(NamedTuple):
    """id: still encoded, since its type matters. terms: the application properties."""

    id: Encoded | None
    reply_to: Any
    terms: dict[Any, Any]
    body: Any


def _read(payload: bytes) -> _Request:
    id_, reply_to, terms, body = None, None, {}, None
    for code, _, value, _ in sections(payload):
        if code == PROPERTIES:
            items = raw_items(payload, value)
            id_ = items[0] if items else None
            reply_to = decode(items[4])[0] if len(items) > 4 else None
        elif code == APPLICATION:
            found = decode(payload, value)[0]
            terms = found if isinstance(found, dict) else {}
        elif code == VALUE:
            body = decode(payload, value)[0]
    return _Request(id_, reply_to, terms, body)


def _reply(
    words: tuple[str, str, str],
    status: int,
    description: str,
    body: dict[str, Any],
    condition: str | None = None,
) -> bytes:
    told: dict[str, Any] = {words[0]: Int(status), words[1]: description}
    if condition:
        told[words[2]] = Symbol(condition)
    return b"\x00\x53\x74" + encode(told) + b"\x00\x53\x77" + encode(body)
