"""What a client might say after its greeting, if it were wrong in the head."""

from collections.abc import Callable
from random import Random
from typing import Any, Final

from retrain.local.servicebus.amqp import (
    Array,
    Described,
    Int,
    Symbol,
    Timestamp,
    UByte,
    UInt,
    ULong,
    encode,
    encode_described_list,
)
from retrain.local.servicebus.amqp.performatives import _SHAPES
from retrain.local.servicebus.wire.frames import frame
from tests.contract.servicebus.parts.raw import GREETING, attach, request, transfer

_NUMBERS: Final = (0, 1, 2, 5, 255, 1000, 1 << 31, (1 << 32) - 1)
_NAMES: Final = ("q", "s", "$cbs", "q/$management", "s/$management", "nowhere", "")
_OPERATIONS: Final = (
    *("renew-lock", "update-disposition", "peek-message", "schedule-message"),
    *("cancel-scheduled-message", "receive-by-sequence-number", "renew-session-lock"),
    *("get-session-state", "set-session-state", "get-message-sessions", "no-such"),
)
_KEYS: Final = (
    *("lock-tokens", "disposition-status", "from-sequence-number", "message-count"),
    *("session-id", "messages", "sequence-numbers", "receiver-settle-mode", "skip", "top"),
    *("last-updated-time", "session-state"),
)
_SCALARS: Final[tuple[Callable[[Random], Any], ...]] = (
    lambda rng: None,
    lambda rng: rng.random() < 0.5,
    lambda rng: UInt(rng.choice(_NUMBERS)),
    lambda rng: rng.randint(-5, 1 << 62),
    lambda rng: UByte(rng.randint(0, 3)),
    lambda rng: Int(rng.randint(-9, 9)),
    lambda rng: Timestamp(rng.randint(-9, 1 << 60)),
    lambda rng: rng.randbytes(rng.choice((0, 1, 16, 40))),
    lambda rng: rng.choice(_NAMES),
    lambda rng: Symbol(rng.choice(("com.microsoft:session-filter", "com.microsoft:timeout", "x"))),
    lambda rng: Array(),
    lambda rng: Array([rng.randint(0, 9)]),
    lambda rng: float(rng.randint(-9, 9)),
)


def value(rng: Random, depth: int = 3) -> Any:
    """Of any type that has an encoding."""
    kind = rng.randint(0, 9) if depth else 9
    if kind == 0:
        return [value(rng, depth - 1) for _ in range(rng.randint(0, 6))]
    if kind == 1:
        return {_key(rng): value(rng, depth - 1) for _ in range(rng.randint(0, 4))}
    if kind == 2:
        return Described(ULong(rng.choice((0x1D, *range(0x23, 0x31)))), value(rng, depth - 1))
    return rng.choice(_SCALARS)(rng)


#: A value for a field of such a type.
_TYPED: Final[dict[type, Callable[[Random], Any]]] = {
    int: lambda rng: UInt(rng.choice((*range(14), *_NUMBERS))),
    str: lambda rng: rng.choice((*_NAMES, "link 1", "another")),
    bool: lambda rng: rng.random() < 0.5,
    bytes: lambda rng: rng.randbytes(rng.choice((0, 4, 16))),
    dict: lambda rng: {_key(rng): value(rng, 1) for _ in range(rng.randint(0, 3))},
    object: lambda rng: value(rng, 1),
    Described: lambda rng: Described(
        ULong(rng.choice((0x1D, *range(0x23, 0x31), 0x34))), [rng.choice(_NAMES), value(rng, 2)]
    ),
}


def _key(rng: Random) -> Any:
    return rng.choice(("a", "b", Symbol("com.microsoft:session-filter"), 1, b"k"))


def message(rng: Random) -> bytes:
    """Sections in any order, some right."""
    if rng.random() < 0.4:
        fields = [None] * 10 + [rng.choice(("one", "two", None))]
        return encode_described_list(0x73, *fields) + b"\x00\x53\x75" + encode(rng.randbytes(20))
    return b"".join(
        bytes((0, 0x53, rng.randint(0x70, 0x78))) + encode(value(rng))
        for _ in range(rng.randint(0, 5))
    )


def _performative(rng: Random) -> bytes:
    fields = [value(rng) for _ in range(rng.randint(0, 12))]
    payload = message(rng) if rng.random() < 0.5 else rng.randbytes(rng.randint(0, 40))
    return frame(1, encode_described_list(rng.randint(0x10, 0x18), *fields), payload)


def _typed(rng: Random) -> bytes:
    """A performative whose fields mostly are of the right types."""
    code = rng.choice((0x11, *[0x12, 0x13, 0x14, 0x15, 0x16] * 3, 0x17))
    fields = [_of_type(rng, kind) for kind in _SHAPES[code][2]]
    fields = fields[: rng.randint(len(fields) // 2, len(fields))]
    channel = rng.choice((1, 1, 1, 1, 0, 2, 255, 256))
    return frame(channel, encode_described_list(code, *fields), message(rng))


def _of_type(rng: Random, kind: type) -> Any:
    if rng.random() < 0.15:
        return None
    if rng.random() < 0.03:
        return value(rng)
    return _TYPED[kind](rng)


def _disposition(rng: Random) -> bytes:
    state = Described(ULong(rng.randint(0x23, 0x27)), value(rng))
    first, last = UInt(rng.choice(_NUMBERS)), UInt(rng.choice(_NUMBERS))
    return frame(1, encode_described_list(0x15, True, first, last, rng.random() < 0.5, state))


def _flow(rng: Random) -> bytes:
    numbers = [UInt(rng.choice(_NUMBERS)) for _ in range(7)]
    handle = UInt(rng.randint(0, 9))
    fields = (*numbers[:4], handle, *numbers[4:6], None, rng.random() < 0.2, rng.random() < 0.2)
    return frame(1, encode_described_list(0x13, *fields))


def _transfer(rng: Random) -> bytes:
    handle = rng.randint(0, 7)
    if rng.random() < 0.5:
        return transfer(message(rng), handle=handle)
    formats = UInt(rng.choice((0, 0x80013700)))
    terms = (UInt(rng.choice(_NUMBERS)), b"t", formats, rng.random() < 0.5, rng.random() < 0.3)
    return transfer(message(rng), *terms, handle=handle)


def _request(rng: Random) -> bytes:
    keys = rng.sample(_KEYS, rng.randint(0, 8))
    body = {key: _field(rng) for key in keys}
    return request(rng.choice(_OPERATIONS), body, rng.choice((4, 6)))


def _field(rng: Random) -> Any:
    kinds = ("completed", "one", rng.randint(-1, 300), [rng.randint(-1, 9)], value(rng))
    return rng.choice(kinds)


def _session(rng: Random) -> bytes:
    """A receiver of a session, by id or the next."""
    wanted = rng.choice((None, "one", "two", 7))
    filters = {Symbol("com.microsoft:session-filter"): wanted}
    source = Described(ULong(0x28), ["s", *[None] * 6, filters])
    handle = UInt(rng.randint(8, 12))
    fields = ("link", handle, True, UByte(rng.randint(0, 2)), UByte(0), source, None)
    return frame(1, encode_described_list(0x12, *fields))


_KINDS: Final = (_performative, _typed, _typed, _disposition, _flow, _transfer, _request, _session)


def _links() -> bytes:
    """One of each kind, so that what follows has something to hit: handles 0 to 7."""
    found, handle = b"", 0
    for address in ("q", "$cbs", "q/$management", "s/$management"):
        for receives in (False, True):
            found += attach(handle, address, receives=receives)
            handle += 1
    return found


def damage(rng: Random, data: bytes) -> bytes:
    """With a byte or three that are others."""
    damaged = bytearray(data)
    for _ in range(rng.choice((1, 3)) if damaged else 0):
        damaged[rng.randrange(len(damaged))] = rng.randint(0, 255)
    return bytes(damaged)


def conversation(rng: Random) -> bytes:
    """A greeting, links, frames of all kinds; often damaged, sometimes cut off."""
    said = b"".join(rng.choice(_KINDS)(rng) for _ in range(rng.randint(0, 20)))
    if rng.random() < 0.9:
        said = GREETING + (_links() if rng.random() < 0.9 else b"") + said
    damaged = bytearray(damage(rng, said) if rng.random() < 0.5 else said)
    end = rng.randint(0, len(damaged)) if rng.random() < 0.1 else len(damaged)
    return bytes(damaged[:end])
