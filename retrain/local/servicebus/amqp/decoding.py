"""Bytes to values.

One function a format code, in a table that the code indexes: what a byte-wise protocol costs in
Python is calls and comparisons. Bounds are checked once, where a container or the whole ends, so
no decoder compares on its own; what runs over an end is found there, or raises IndexError before.
Only DecodeError comes out, whatever goes in.
"""

import struct
import uuid
from collections.abc import Callable, Sequence
from typing import Any, Final

from retrain.local.servicebus.amqp.values import Described, Encoded, Symbol, Timestamp

#: (bytes, where the value begins after its format code) to (value, where it ends).
_Decoder = Callable[[bytes, int], tuple[Any, int]]
#: What the decoders below raise on bytes that are no AMQP.
_MALFORMED: Final = (IndexError, KeyError, TypeError, ValueError, struct.error, RecursionError)

_two_sizes = struct.Struct(">II").unpack_from
_uint = struct.Struct(">I").unpack_from


class DecodeError(ValueError):
    """The bytes are not AMQP 1.0."""


def decode(data: bytes, at: int = 0) -> tuple[Any, int]:
    """The value that begins at `at`, and where it ends. Raises DecodeError."""
    try:
        value, end = _DECODERS[data[at]](data, at + 1)
    except _MALFORMED as error:
        raise DecodeError(f"malformed AMQP value at byte {at}: {error}") from error
    if end > len(data):
        raise DecodeError(f"the AMQP value at byte {at} is cut off")
    return value, end


def decode_all(data: bytes) -> Any:
    """The one value that the bytes are. Raises DecodeError, also when more follows."""
    value, end = decode(data)
    if end != len(data):
        raise DecodeError(f"{len(data) - end} bytes follow the AMQP value")
    return value


def skip(data: bytes, at: int) -> int:
    """Where the value at `at` ends, without decoding it."""
    while data[at] == 0:  # a descriptor, then the described value
        at = skip(data, at + 1)
    code = data[at]
    width = _WIDTHS[code >> 4]
    if width >= 0:
        return at + 1 + width
    if width == _SIZE_OF_ONE:
        return at + 2 + data[at + 1]
    if width == _SIZE_OF_FOUR:
        return at + 5 + int(_uint(data, at + 1)[0])
    raise ValueError(f"unknown format code 0x{code:02x}")


def raw_items(data: bytes, at: int = 0) -> list[Encoded]:
    """The items of the list or map at `at` (keys and values in turn), still encoded."""
    try:
        return _raw_items(data, at)
    except _MALFORMED as error:
        raise DecodeError(f"malformed AMQP list or map at byte {at}: {error}") from error


def _raw_items(data: bytes, at: int) -> list[Encoded]:
    code = data[at]
    if code == 0x45:
        return []
    if code in (0xC0, 0xC1):
        size, count, start = data[at + 1] + 1, data[at + 2], at + 3
    elif code in (0xD0, 0xD1):
        (size, count), start = _two_sizes(data, at + 1), at + 9
        size += 4
    else:
        raise ValueError(f"0x{code:02x} is neither list nor map")
    end = at + 1 + size
    if end > len(data) or count > size:
        raise ValueError("it is cut off")
    items = []
    for _ in range(count):
        after = skip(data, start)
        items.append(Encoded(data[start:after]))
        start = after
    if start != end:
        raise ValueError("its size and its items disagree")
    return items


def sections(data: bytes) -> list[tuple[int, int, int, int]]:
    """The parts of a message: (code, start, start of the value, end). Raises DecodeError."""
    found, at = [], 0
    try:
        while at < len(data):
            code, value = _section_code(data, at)
            end = skip(data, value)
            found.append((code, at, value, end))
            at = end
    except _MALFORMED as error:
        raise DecodeError(f"malformed message section at byte {at}: {error}") from error
    if at != len(data):
        raise DecodeError("the last section of the message is cut off")
    return found


def _section_code(data: bytes, at: int) -> tuple[int, int]:
    if data[at] != 0:
        raise ValueError(f"0x{data[at]:02x} begins no section")
    if data[at + 1] == 0x53:
        return data[at + 2], at + 3
    descriptor, value = _DECODERS[data[at + 1]](data, at + 2)
    code = _SECTION_NAMES.get(descriptor, descriptor)
    if not isinstance(code, int):
        raise ValueError(f"unknown section {descriptor!r}")
    return code, value


_SECTION_NAMES: Final = {
    "amqp:header:list": 0x70,
    "amqp:delivery-annotations:map": 0x71,
    "amqp:message-annotations:map": 0x72,
    "amqp:properties:list": 0x73,
    "amqp:application-properties:map": 0x74,
    "amqp:data:binary": 0x75,
    "amqp:amqp-sequence:list": 0x76,
    "amqp:amqp-value:*": 0x77,
    "amqp:footer:map": 0x78,
}

_UNKNOWN, _SIZE_OF_ONE, _SIZE_OF_FOUR = -1, -2, -3
#: By the high half of a format code: bytes that follow, or how wide the size that follows is.
_WIDTHS: Final[Sequence[int]] = (
    *(_UNKNOWN,) * 4,
    *(0, 1, 2, 4, 8, 16),
    *(_SIZE_OF_ONE, _SIZE_OF_FOUR, _SIZE_OF_ONE, _SIZE_OF_FOUR, _SIZE_OF_ONE, _SIZE_OF_FOUR),
)


def _unknown(data: bytes, at: int) -> tuple[Any, int]:
    raise ValueError(f"unknown format code 0x{data[at - 1]:02x}")


def _constant(value: Any) -> _Decoder:
    return lambda data, at: (value, at)


def _number(layout: str, kind: Callable[[int], Any] | None = None) -> _Decoder:
    unpack, size = struct.Struct(layout).unpack_from, struct.calcsize(layout)
    if kind is None:
        return lambda data, at: (unpack(data, at)[0], at + size)
    return lambda data, at: (kind(unpack(data, at)[0]), at + size)


def _fixed(size: int, convert: Callable[[bytes], Any]) -> _Decoder:
    return lambda data, at: (convert(data[at : at + size]), at + size)


def _short(convert: Callable[[bytes], Any]) -> _Decoder:
    def read(data: bytes, at: int) -> tuple[Any, int]:
        end = at + 1 + data[at]
        return convert(data[at + 1 : end]), end

    return read


def _long(convert: Callable[[bytes], Any]) -> _Decoder:
    def read(data: bytes, at: int) -> tuple[Any, int]:
        end = at + 4 + _uint(data, at)[0]
        return convert(data[at + 4 : end]), end

    return read


def _described(data: bytes, at: int) -> tuple[Any, int]:
    descriptor, at = _DECODERS[data[at]](data, at + 1)
    value, at = _DECODERS[data[at]](data, at + 1)
    return Described(descriptor, value), at


def _items(data: bytes, at: int, count: int, end: int) -> list[Any]:
    items = []
    for _ in range(count):
        value, at = _DECODERS[data[at]](data, at + 1)
        items.append(value)
    if at != end:
        raise ValueError("the size of a list or map and its items disagree")
    return items


def _list8(data: bytes, at: int) -> tuple[Any, int]:
    end = at + 1 + data[at]
    return _items(data, at + 2, data[at + 1], end), end


def _list32(data: bytes, at: int) -> tuple[Any, int]:
    size, count = _two_sizes(data, at)
    return _items(data, at + 8, count, at + 4 + size), at + 4 + size


def _pairs(items: list[Any]) -> dict[Any, Any]:
    if len(items) % 2:
        raise ValueError("a map has a key without a value")
    return dict(zip(items[::2], items[1::2], strict=True))


def _map8(data: bytes, at: int) -> tuple[Any, int]:
    items, end = _list8(data, at)
    return _pairs(items), end


def _map32(data: bytes, at: int) -> tuple[Any, int]:
    items, end = _list32(data, at)
    return _pairs(items), end


def _array(data: bytes, at: int, count: int, end: int) -> list[Any]:
    if end > len(data) or count > end - at:  # items without width could be billions
        raise ValueError("an array is cut off")
    descriptor, described = None, data[at] == 0
    if described:
        descriptor, at = _DECODERS[data[at + 1]](data, at + 2)
    read, at = _DECODERS[data[at]], at + 1
    items = []
    for _ in range(count):
        value, at = read(data, at)
        items.append(Described(descriptor, value) if described else value)
    if at != end:
        raise ValueError("the size of an array and its items disagree")
    return items


def _array8(data: bytes, at: int) -> tuple[Any, int]:
    end = at + 1 + data[at]
    return _array(data, at + 2, data[at + 1], end) if data[at + 1] else [], end


def _array32(data: bytes, at: int) -> tuple[Any, int]:
    size, count = _two_sizes(data, at)
    return _array(data, at + 8, count, at + 4 + size) if count else [], at + 4 + size


def _text(data: bytes) -> str:
    return data.decode("utf-8")


def _symbol(data: bytes) -> Symbol:
    return Symbol(data, "utf-8")


_DECODERS: Final[list[_Decoder]] = [_unknown] * 256
for _code, _decoder in {
    0x00: _described,
    0x40: _constant(None),
    0x41: _constant(True),
    0x42: _constant(False),
    0x43: _constant(0),
    0x44: _constant(0),
    0x45: lambda data, at: ([], at),
    0x50: _number(">B"),
    0x51: _number(">b"),
    0x52: _number(">B"),
    0x53: _number(">B"),
    0x54: _number(">b"),
    0x55: _number(">b"),
    0x56: _number(">B", bool),
    0x60: _number(">H"),
    0x61: _number(">h"),
    0x70: _number(">I"),
    0x71: _number(">i"),
    0x72: _number(">f"),
    0x73: _fixed(4, lambda four: four.decode("utf-32-be")),
    0x74: _fixed(4, bytes),
    0x80: _number(">Q"),
    0x81: _number(">q"),
    0x82: _number(">d"),
    0x83: _number(">q", Timestamp),
    0x84: _fixed(8, bytes),
    0x94: _fixed(16, bytes),
    0x98: _fixed(16, lambda sixteen: uuid.UUID(bytes=sixteen)),
    0xA0: _short(bytes),
    0xA1: _short(_text),
    0xA3: _short(_symbol),
    0xB0: _long(bytes),
    0xB1: _long(_text),
    0xB3: _long(_symbol),
    0xC0: _list8,
    0xC1: _map8,
    0xD0: _list32,
    0xD1: _map32,
    0xE0: _array8,
    0xF0: _array32,
}.items():
    _DECODERS[_code] = _decoder
