"""Messages with properties, as a sender's bytes."""

from typing import Any

from retrain.local.servicebus.amqp import Encoded, Symbol, encode, encode_list, encode_map
from retrain.local.servicebus.messages import Message, application_properties, parse
from retrain.local.servicebus.rules.view import View

_FIELDS = {"id": 0, "to": 2, "label": 3, "reply_to": 4, "correlation": 5, "type": 6, "session": 10}


def letter(
    *, partition: str | None = None, user: dict[str, Any] | None = None, **fields: Any
) -> Message:
    """user: application properties. fields: of AMQP's own, by the names above."""
    properties: list[Any] = [None] * 11
    for name, value in fields.items():
        properties[_FIELDS[name]] = Symbol(value) if name == "type" else value
    data = b""
    if partition:
        key = Encoded(encode(Symbol("x-opt-partition-key")))
        data += b"\x00\x53\x72" + encode_map([key, encode(partition)])
    data += b"\x00\x53\x73" + encode_list(properties)
    if user:
        data += b"\x00\x53\x74" + encode(user)
    return parse(data + b"\x00\x53\x75" + encode(b"the body"))


def view(**terms: Any) -> View:
    return View(letter(**terms))


def read(message: Message) -> tuple[dict[str, Any], View]:
    """The application properties, and a view on the rest."""
    user = {str(name): value for name, value in application_properties(message).items()}
    return user, View(message)
