"""The AMQP types that Python has no type of its own for.

A plain int travels as `long`, str as `string`, bytes as `binary`; who needs another type wraps.
Decoding gives plain ints back (a number is a number) but keeps Symbol and Timestamp, which mean
something else than str and int.
"""

from typing import Any, NamedTuple


class Symbol(str):
    """An ASCII name, as in conditions, annotation keys and capabilities."""

    __slots__ = ()


class UByte(int):
    """0..255."""

    __slots__ = ()


class UShort(int):
    """0..2^16-1."""

    __slots__ = ()


class UInt(int):
    """0..2^32-1."""

    __slots__ = ()


class ULong(int):
    """0..2^64-1."""

    __slots__ = ()


class Int(int):
    """-2^31..2^31-1."""

    __slots__ = ()


class Timestamp(int):
    """Milliseconds since 1970 in UTC."""

    __slots__ = ()


class Encoded(bytes):
    """A value that is encoded already, and goes out as it is."""

    __slots__ = ()


class Described(NamedTuple):
    """A value with the descriptor that says what it is: a number (small ulong) or a symbol."""

    descriptor: Any
    value: Any


class Array(list[Any]):
    """Values of one type: all Symbol, str, bytes, UUID, Timestamp, or int (as long)."""
