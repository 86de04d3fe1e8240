"""Requests over AMQP: one link brings them, another of the same address takes the replies.

`$cbs` receives tokens, which the connection's claims judge.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

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

#: How a reply calls its status, the status's text, and the error's condition.
_CBS_WORDS: Final = ("status-code", "status-description", "error-condition")
_MANAGEMENT_WORDS: Final = ("statusCode", "statusDescription", "errorCondition")
_LIMIT: Final = 1 << 24
#: What a sender asks for; everything else is a receiver's.
_SENDING: Final = ("com.microsoft:schedule-message", "com.microsoft:cancel-scheduled-message")


class Requests:
    """The sink of a request link. entity: None for `$cbs`."""

    limit = _LIMIT

    def __init__(self, session: Session, address: str, entity: Entity | None) -> None:
        self._session = session
        self._address = address
        self._entity = entity

    def take(self, payload: bytes, message_format: int | None) -> None:
        message_id, properties, body = _read(payload)
        reply = self._answer(properties, body)
        correlated = encode_described_list(PROPERTIES, *(None,) * 5, message_id)
        for link in self._session.links.values():
            if isinstance(link, OutgoingLink) and link.address == self._address:
                link.reply(correlated + reply)
                return

    def _answer(self, properties: dict[Any, Any], body: Any) -> bytes:
        if self._entity is None:
            return self._put_token(properties, body)
        try:
            right = Right.SEND if properties.get("operation") in _SENDING else Right.LISTEN
            self._session.connection.claims.require(Claim(self._address, (right,)))
            result = self._perform(
                management.Request(
                    namespace=self._session.namespace,
                    entity=self._entity,
                    operation=str(properties.get("operation")),
                    body=body if isinstance(body, dict) else {},
                    consumer=self._link(properties.get("associated-link-name")),
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

    def _link(self, name: Any) -> OutgoingLink | None:
        for link in self._session.links.values():
            if link.name == name and isinstance(link, OutgoingLink):
                return link
        return None


def _read(payload: bytes) -> tuple[Encoded | None, dict[Any, Any], Any]:
    """A request's message id (still encoded, its type matters), properties and body."""
    message_id, properties, body = None, {}, None
    for code, _, value, _ in sections(payload):
        if code == PROPERTIES:
            message_id = next(iter(raw_items(payload, value)), None)
        elif code == APPLICATION:
            found = decode(payload, value)[0]
            properties = found if isinstance(found, dict) else {}
        elif code == VALUE:
            body = decode(payload, value)[0]
    return message_id, properties, body


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
