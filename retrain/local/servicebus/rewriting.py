"""A message's content with other properties: bytes that are not changed stay as they came."""

from collections.abc import Mapping
from typing import Any, Final

from retrain.local.servicebus.amqp import (
    Encoded,
    Symbol,
    encode,
    encode_list,
    encode_map,
    raw_items,
    sections,
)
from retrain.local.servicebus.messages import APPLICATION, PROPERTIES, Message

_NULL: Final = Encoded(b"\x40")


def rewrite(
    message: Message,
    *,
    fields: Mapping[int, Any] | None = None,
    user: Mapping[str, Any] | None = None,
    removed: frozenset[str] = frozenset(),
) -> None:
    """fields: of AMQP's properties, by index. user: application properties; `removed` go."""
    content = message.content
    parts = sections(content)
    code, _, value, end = parts[0]
    assert code == PROPERTIES
    properties = content[:end]
    if fields:
        properties = b"\x00\x53\x73" + _with_fields(content[value:end], fields)
    application, body = b"", end
    if len(parts) > 1 and parts[1][0] == APPLICATION:
        _, _, value, body = parts[1]
        application = content[value:body]
    section = content[end:body]
    if user or removed:
        section = _with_user(application, user or {}, removed)
    message.content = properties + section + content[body:]


def annotate(message: Message, annotations: Mapping[str, Any]) -> None:
    """With these annotations, added or replaced; None is gone."""
    old = raw_items(message.annotations) if message.annotations else []
    new = {encode(Symbol(name)): value for name, value in annotations.items()}
    items: list[bytes] = []
    for key, value in zip(old[::2], old[1::2], strict=True):
        items += () if key in new else (key, value)
    for name, told in new.items():
        items += () if told is None else (name, encode(told))
    message.annotations = encode_map(items) if items else b""


def _with_fields(properties: bytes, fields: Mapping[int, Any]) -> bytes:
    items: list[Any] = list(raw_items(properties))
    items += [_NULL] * (max(fields) + 1 - len(items))
    for index, value in fields.items():
        items[index] = Encoded(encode(value))
    return encode_list([Encoded(item) for item in items])


def _with_user(application: bytes, user: Mapping[str, Any], removed: frozenset[str]) -> bytes:
    old = raw_items(application) if application else []
    gone = {encode(name) for name in (*user, *removed)}
    items: list[bytes] = []
    for key, value in zip(old[::2], old[1::2], strict=True):
        items += () if key in gone else (key, value)
    for name, value in user.items():
        items += (encode(name), encode(value))
    return b"\x00\x53\x74" + encode_map(items) if items else b""
