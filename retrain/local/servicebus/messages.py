"""A message: what its sender wrote, kept as bytes, and what the service notes on it.

Bytes stay bytes, so that every type and order survives and a large body is never taken apart. Only
what the service acts on is read: message id, session id, time to live, scheduled time.
"""

import os
import struct
import uuid
from dataclasses import dataclass
from enum import IntEnum
from typing import Any, Final

from retrain.local.servicebus.amqp import (
    DecodeError,
    Encoded,
    Symbol,
    UByte,
    UInt,
    decode,
    decode_all,
    encode,
    encode_described_list,
    encode_list,
    encode_map,
    raw_items,
    sections,
)
from retrain.local.servicebus.errors import OutOfRange

HEADER, DELIVERY, ANNOTATIONS, PROPERTIES, APPLICATION, DATA, VALUE = (
    *(0x70, 0x71, 0x72, 0x73),
    *(0x74, 0x75, 0x77),
)
#: The message format of a batch: each data section holds one encoded message.
BATCH: Final = 0x80013700

#: Characters of an id, as the service has it.
_ID_LENGTH: Final = 128
#: .NET's ticks (100 ns) between year 1 and 1970.
_EPOCH_TICKS: Final = 621355968000000000


class State(IntEnum):
    """As `x-opt-message-state` numbers them."""

    ACTIVE = 0
    DEFERRED = 1
    SCHEDULED = 2


def _key(name: str) -> bytes:
    return encode(Symbol(f"x-opt-{name}"))


_SCHEDULED_AT = _key("scheduled-enqueue-time")
_ENQUEUED_AT = _key("enqueued-time")
_SEQUENCE = _key("sequence-number")
_ENQUEUED_SEQUENCE = _key("enqueue-sequence-number")
_STATE = _key("message-state")
_LOCKED_UNTIL = _key("locked-until")
#: Annotations that only the service writes; a sender's are dropped.
_OURS: Final = frozenset(
    (_ENQUEUED_AT, _SEQUENCE, _ENQUEUED_SEQUENCE, _STATE, _LOCKED_UNTIL, _key("lock-token"))
)
_pack_timestamp = struct.Struct(">Bq").pack


@dataclass(slots=True, eq=False)
class Message:
    """Times are epoch seconds. `content`: properties, application properties and body, encoded,
    with the sender's footer and delivery annotations after them.

    delivery_count: deliveries that failed, so 0 while it is delivered the first time.
    """

    content: bytes
    annotations: bytes  # an encoded map, or nothing
    message_id: Any  # of any AMQP id type
    session_id: str | None = None
    durable: bool | None = None
    priority: int | None = None
    time_to_live: float | None = None
    scheduled_at: float | None = None
    state: State = State.ACTIVE
    sequence_number: int = 0
    enqueued_sequence_number: int = 0
    enqueued_at: float = 0.0
    expires_at: float | None = None
    delivery_count: int = 0
    lock: "Lock | None" = None

    @property
    def size(self) -> int:
        return len(self.content) + len(self.annotations)


@dataclass(slots=True, eq=False)
class Lock:
    """Exclusive use of a message. `token` is the delivery's tag: a uuid's bytes, little-endian.

    session: the id of the session it is locked through; that session's lock is then this one's.
    """

    token: bytes
    until: float
    session: str | None = None


def new_token() -> bytes:
    return os.urandom(16)


def message_of(body: bytes) -> Message:
    """A message with this body and nothing else."""
    return parse(bytes((0, 0x53, DATA)) + encode(body))


def parse(data: bytes) -> Message:
    """A message as a sender encoded it. Raises DecodeError."""
    found: dict[int, tuple[int, int, int]] = {}
    body: list[memoryview] = []
    whole = memoryview(data)  # a body can be large: it is copied once, into the content
    for code, start, value, end in sections(data):
        if code >= DATA or code == DELIVERY:
            body.append(whole[start:end])
        else:
            found[code] = (start, value, end)
    properties, message_id, session_id = _properties(data, found.get(PROPERTIES))
    application = b""
    if APPLICATION in found:
        start, value, end = found[APPLICATION]
        application = data[start:end]
        if not isinstance(decode(data, value)[0], dict):
            raise DecodeError("a message's application properties are no map")
    message = Message(
        content=b"".join((b"\x00\x53\x73", properties, application, *body)),
        annotations=b"",
        message_id=message_id,
        session_id=session_id,
    )
    if HEADER in found:
        _note_header(message, _list(data, found[HEADER][1]))
    if ANNOTATIONS in found:
        _, value, end = found[ANNOTATIONS]
        _note_annotations(message, data[value:end])
    return message


def _properties(data: bytes, section: tuple[int, int, int] | None) -> tuple[bytes, Any, str | None]:
    """The properties, encoded, with the message id and the session id that are in them."""
    properties = data[section[1] : section[2]] if section else b""
    fields = _list(properties, 0) if section else []
    message_id = fields[0] if fields else None
    session_id = fields[10] if len(fields) > 10 else None
    if not isinstance(message_id, str | int | bytes | uuid.UUID | None):
        raise DecodeError("a message's id is of no type that ids have")
    if not isinstance(session_id, str | None):
        raise DecodeError("a message's group-id (session id) is no string")
    for name, id_ in (("message id", message_id), ("session id", session_id)):
        if isinstance(id_, str) and len(id_) > _ID_LENGTH:
            raise OutOfRange(f"A {name} is longer than {_ID_LENGTH} characters.")
    if message_id is None:
        # Clients in other languages renew locks by it, so there has to be one.
        message_id = uuid.UUID(bytes=os.urandom(16), version=4).hex
        items = raw_items(properties) if section else []
        properties = encode_list([Encoded(encode(message_id)), *items[1:]])
    return properties, message_id, session_id


def _list(data: bytes, at: int) -> list[Any]:
    value, _ = decode(data, at)
    if not isinstance(value, list):
        raise DecodeError("a message's header or properties are no list")
    return value


def _note_header(message: Message, header: list[Any]) -> None:
    durable, priority, ttl = (header + [None] * 3)[:3]
    if not isinstance(durable, bool | None) or not _is_within(priority, 0xFF):
        raise DecodeError("a message's header has a field of a wrong type")
    if not _is_within(ttl, 0xFFFFFFFF):
        raise DecodeError("a message's time to live is no number of milliseconds")
    message.durable, message.priority = durable, priority
    message.time_to_live = None if ttl is None else ttl / 1000


def _is_within(value: Any, highest: int) -> bool:
    """A number from 0 to the highest, or nothing."""
    return value is None or (isinstance(value, int) and 0 <= value <= highest)


def _note_annotations(message: Message, annotations: bytes) -> None:
    items = raw_items(annotations)
    if len(items) % 2:
        raise DecodeError("an annotation has no value")
    kept: list[bytes] = []
    for key, value in zip(items[::2], items[1::2], strict=True):
        if key == _SCHEDULED_AT:
            at = decode_all(value)
            if isinstance(at, int):
                message.scheduled_at = at / 1000
        if key not in _OURS:
            kept += (key, value)
    message.annotations = encode_map(kept) if kept else b""


def unbatch(data: bytes, message_format: int | None) -> list[Message]:
    """The messages of one transfer. Raises DecodeError."""
    if message_format != BATCH:
        return [parse(data)]
    found = []
    for code, _, value, _ in sections(data):
        if code == DATA:
            inner = decode(data, value)[0]
            if not isinstance(inner, bytes):
                raise DecodeError("a data section of a batch holds no binary")
            found.append(parse(inner))
    return found


def serialize(message: Message, lock: Lock | None = None) -> bytes:
    """The message as a receiver gets it, under the lock if one is given."""
    ttl = message.time_to_live
    header = encode_described_list(
        HEADER,
        message.durable,
        None if message.priority is None else UByte(message.priority),
        None if ttl is None else UInt(min(int(ttl * 1000), 0xFFFFFFFF)),
        None,
        UInt(message.delivery_count),
    )
    items: list[bytes] = list(raw_items(message.annotations)) if message.annotations else []
    items += (
        *(_ENQUEUED_AT, _pack_timestamp(0x83, int(message.enqueued_at * 1000))),
        *(_SEQUENCE, _pack_timestamp(0x81, message.sequence_number)),
        *(_ENQUEUED_SEQUENCE, _pack_timestamp(0x81, message.enqueued_sequence_number)),
        *(_STATE, b"\x71\x00\x00\x00" + bytes((message.state,))),
    )
    if lock:
        items += (_LOCKED_UNTIL, _pack_timestamp(0x83, int(lock.until * 1000)))
    return b"".join((header, b"\x00\x53\x72", encode_map(items), message.content))


def application_properties(message: Message) -> dict[Any, Any]:
    for code, _, value, _ in sections(message.content):
        if code == APPLICATION:
            found = decode(message.content, value)[0]
            return found if isinstance(found, dict) else {}
    return {}


def with_application_properties(message: Message, extra: dict[str, str | None]) -> bytes:
    """The message's content with these properties added or replaced; None is left out."""
    content = message.content
    parts = sections(content)
    new = {encode(name): encode(value) for name, value in extra.items() if value is not None}
    after_properties = parts[0][3]
    body, items = after_properties, list[bytes]()
    if len(parts) > 1 and parts[1][0] == APPLICATION:
        body = parts[1][3]
        old = raw_items(content, parts[1][2])
        for key, value in zip(old[::2], old[1::2], strict=True):
            items += () if key in new else (key, value)
    items += (item for pair in new.items() for item in pair)
    section = b"\x00\x53\x74" + encode_map(items) if items else b""
    return content[:after_properties] + section + content[body:]


def ticks(epoch_seconds: float) -> int:
    """.NET's notion of a time, as link properties carry it."""
    return int(epoch_seconds * 1000) * 10_000 + _EPOCH_TICKS
