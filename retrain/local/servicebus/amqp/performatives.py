"""What the two ends of a connection say to each other: AMQP 1.0, part 2.7.

`read` checks each field's type and that the mandatory ones are there, so that nobody behind it has
to. Fields nobody here looks at are kept as they came.
"""

from typing import Any, Final, NamedTuple

from retrain.local.servicebus.amqp.decoding import DecodeError, decode
from retrain.local.servicebus.amqp.values import Described

#: Numbers on the wire are modulo 2^32.
WRAP: Final = 0xFFFFFFFF


class Open(NamedTuple):
    container_id: str
    hostname: str | None = None
    max_frame_size: int | None = None
    channel_max: int | None = None
    idle_time_out: int | None = None  # milliseconds without a frame after which the peer gives up


class Begin(NamedTuple):
    remote_channel: int | None
    next_outgoing_id: int
    incoming_window: int
    outgoing_window: int


class Attach(NamedTuple):
    name: str
    handle: int
    role: bool  # True: the peer receives
    snd_settle_mode: int | None = None
    rcv_settle_mode: int | None = None
    source: Described | None = None
    target: Described | None = None
    unsettled: dict[Any, Any] | None = None
    incomplete_unsettled: bool | None = None
    initial_delivery_count: int | None = None
    max_message_size: int | None = None
    offered_capabilities: Any = None
    desired_capabilities: Any = None
    properties: dict[Any, Any] | None = None


class Flow(NamedTuple):
    next_incoming_id: int | None
    incoming_window: int
    next_outgoing_id: int
    outgoing_window: int
    handle: int | None = None
    delivery_count: int | None = None
    link_credit: int | None = None
    available: int | None = None
    drain: bool | None = None
    echo: bool | None = None


class Transfer(NamedTuple):
    handle: int
    delivery_id: int | None = None
    delivery_tag: bytes | None = None
    message_format: int | None = None
    settled: bool | None = None
    more: bool | None = None
    rcv_settle_mode: int | None = None
    state: Described | None = None
    resume: bool | None = None
    aborted: bool | None = None


class Disposition(NamedTuple):
    role: bool  # True: from the receiver
    first: int
    last: int | None = None
    settled: bool | None = None
    state: Described | None = None


class Detach(NamedTuple):
    handle: int
    closed: bool | None = None
    error: Described | None = None


class End(NamedTuple):
    error: Described | None = None


class Close(NamedTuple):
    error: Described | None = None


class SaslInit(NamedTuple):
    mechanism: str
    initial_response: bytes | None = None


Performative = (
    Open | Begin | Attach | Flow | Transfer | Disposition | Detach | End | Close | SaslInit
)

_Shape = tuple[type[Performative], frozenset[int], tuple[type, ...]]


def _shape(kind: type[Performative], mandatory: set[int], *types: type) -> _Shape:
    return kind, frozenset(mandatory), types


#: By code: the performative, which of its fields are mandatory, and each field's type.
_SHAPES: Final[dict[int, _Shape]] = {
    0x10: _shape(Open, {0}, str, str, int, int, int),
    0x11: _shape(Begin, {1, 2, 3}, int, int, int, int),
    0x12: _shape(
        *(Attach, {0, 1, 2}, str, int, bool, int, int, Described, Described),
        *(dict, bool, int, int, object, object, dict),
    ),
    0x13: _shape(Flow, {1, 2, 3}, int, int, int, int, int, int, int, int, bool, bool),
    0x14: _shape(Transfer, {0}, int, int, bytes, int, bool, bool, int, Described, bool, bool),
    0x15: _shape(Disposition, {0, 1}, bool, int, int, bool, Described),
    0x16: _shape(Detach, {0}, int, bool, Described),
    0x17: _shape(End, set(), Described),
    0x18: _shape(Close, set(), Described),
    0x41: _shape(SaslInit, {0}, str, bytes),
}


def read(body: bytes) -> tuple[Performative, int]:
    """A frame's performative, and where its payload begins. Raises DecodeError."""
    if len(body) < 4 or body[:2] != b"\x00\x53" or body[2] not in _SHAPES:
        raise DecodeError(f"a frame begins with no performative: {body[:4].hex()}")
    kind, mandatory, types = _SHAPES[body[2]]
    fields, end = decode(body, 3)
    if not isinstance(fields, list):
        raise DecodeError(f"{kind.__name__} is no list")
    del fields[len(types) :]
    for value, wanted in zip(fields, types, strict=False):
        if value is not None and not isinstance(value, wanted):
            raise DecodeError(f"{kind.__name__} has a field of a wrong type: {value!r}")
    fields += (None,) * (len(types) - len(fields))
    if any(fields[index] is None for index in mandatory):
        raise DecodeError(f"{kind.__name__} lacks a mandatory field")
    return kind(*fields), end
