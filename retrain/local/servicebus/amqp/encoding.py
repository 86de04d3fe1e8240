"""Values to bytes, each in the shortest form that AMQP has for it.

Descriptors of performatives and sections always are small ulongs (`00 53 xx`), since the SDK reads
no other form.
"""

import struct
import uuid
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Final

from retrain.local.servicebus.amqp.values import (
    Array,
    Described,
    Encoded,
    Int,
    Symbol,
    Timestamp,
    UByte,
    UInt,
    ULong,
    UShort,
)

_pack_uint = struct.Struct(">I").pack
_pack_ulong = struct.Struct(">Q").pack
_pack_long = struct.Struct(">q").pack
_pack_two = struct.Struct(">II").pack


def encode(value: Any) -> bytes:
    """One value. Raises TypeError for what AMQP has no type for."""
    encoder = _ENCODERS.get(type(value))
    if encoder is None:
        raise TypeError(f"AMQP has no type for {type(value).__name__}")
    return encoder(value)


def encode_list(items: Iterable[Any]) -> bytes:
    return _compound(0xC0, 0xD0, [encode(item) for item in items])


def encode_map(items: Sequence[bytes]) -> bytes:
    """A map of items that are encoded already: key, value, key, value, …"""
    return _compound(0xC1, 0xD1, items)


def encode_described_list(code: int, *fields: Any) -> bytes:
    """A performative, outcome or section that is a list; nulls at its end are left out."""
    last = len(fields)
    while last and fields[last - 1] is None:
        last -= 1
    if not last:
        return bytes((0, 0x53, code, 0x45))
    parts = [_ENCODERS[type(field)](field) for field in fields[:last]]
    return bytes((0, 0x53, code)) + _compound(0xC0, 0xD0, parts)


def _compound(short: int, long: int, parts: Sequence[bytes]) -> bytes:
    body, count = b"".join(parts), len(parts)
    if len(body) < 255 and count < 256:
        return bytes((short, len(body) + 1, count)) + body
    return bytes((long,)) + _pack_two(len(body) + 4, count) + body


def _sized(short: int, long: int, body: bytes) -> bytes:
    if len(body) < 256:
        return bytes((short, len(body))) + body
    return bytes((long,)) + _pack_uint(len(body)) + body


def _encode_uint(value: int) -> bytes:
    if value == 0:
        return b"\x43"
    return bytes((0x52, value)) if value < 256 else b"\x70" + _pack_uint(value)


def _encode_ulong(value: int) -> bytes:
    if value == 0:
        return b"\x44"
    return bytes((0x53, value)) if value < 256 else b"\x80" + _pack_ulong(value)


def _encode_long(value: int) -> bytes:
    if -128 <= value < 128:
        return bytes((0x55, value & 0xFF))
    return b"\x81" + _pack_long(value) if value < 1 << 63 else b"\x80" + _pack_ulong(value)


def _encode_array(array: Array) -> bytes:
    if not array:
        return b"\xf0" + _pack_two(5, 0) + b"\x40"
    kind = type(array[0])
    code, item = _ARRAY_ITEMS[kind]
    body = b"".join(item(value) for value in array)
    return b"\xf0" + _pack_two(len(body) + 5, len(array)) + bytes((code,)) + body


def _with_size(convert: Callable[[Any], bytes]) -> Callable[[Any], bytes]:
    def item(value: Any) -> bytes:
        body = convert(value)
        return _pack_uint(len(body)) + body

    return item


_ARRAY_ITEMS: Final[dict[type, tuple[int, Callable[[Any], bytes]]]] = {
    Symbol: (0xB3, _with_size(str.encode)),
    str: (0xB1, _with_size(str.encode)),
    bytes: (0xB0, _with_size(bytes)),
    uuid.UUID: (0x98, lambda value: value.bytes),
    Timestamp: (0x83, _pack_long),
    int: (0x81, _pack_long),
}

_ENCODERS: Final[dict[type, Callable[[Any], bytes]]] = {
    type(None): lambda value: b"\x40",
    bool: lambda value: b"\x41" if value else b"\x42",
    Encoded: lambda value: value,
    UByte: lambda value: bytes((0x50, value)),
    UShort: lambda value: b"\x60" + value.to_bytes(2, "big"),
    UInt: _encode_uint,
    ULong: _encode_ulong,
    Int: lambda value: b"\x71" + value.to_bytes(4, "big", signed=True),
    int: _encode_long,
    Timestamp: lambda value: b"\x83" + _pack_long(value),
    float: lambda value: b"\x82" + struct.pack(">d", value),
    uuid.UUID: lambda value: b"\x98" + value.bytes,
    str: lambda value: _sized(0xA1, 0xB1, value.encode()),
    Symbol: lambda value: _sized(0xA3, 0xB3, value.encode()),
    bytes: lambda value: _sized(0xA0, 0xB0, value),
    list: encode_list,
    dict: lambda value: encode_map([encode(item) for pair in value.items() for item in pair]),
    Array: _encode_array,
    Described: lambda value: b"\x00" + encode(value.descriptor) + encode(value.value),
}
