"""Frames that nobody would write, thrown at the server: another client must not notice."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from retrain.local.servicebus import ServiceBusServer
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
from retrain.local.servicebus.wire.frames import frame
from tests.contract.servicebus.parts.raw import GREETING, Connect, attach, play, request, transfer

NUMBERS = st.sampled_from([0, 1, 2, 255, 1 << 31, (1 << 32) - 1])
ODD = st.one_of(
    st.none(),
    st.booleans(),
    NUMBERS.map(UInt),
    st.integers(-5, 1 << 62),
    st.integers(0, 3).map(UByte),
    st.integers(-9, 9).map(Int),
    st.integers(-9, 1 << 60).map(Timestamp),
    st.binary(max_size=16),
    st.sampled_from(["q", "s", "$cbs", "q/$management", "s/$management", "nowhere", ""]),
    st.sampled_from(["com.microsoft:session-filter", "com.microsoft:timeout"]).map(Symbol),
    st.just(Array()),
)
FIELDS = st.recursive(
    ODD,
    lambda inner: st.one_of(
        st.lists(inner, max_size=8),
        st.dictionaries(st.text(max_size=3) | ODD.filter(lambda value: value != []), inner),
        st.builds(Described, st.sampled_from([0x1D, *range(0x23, 0x31)]).map(ULong), inner),
    ),
    max_leaves=12,
)
SECTION_CODES = st.integers(0x70, 0x78)
MESSAGES = st.lists(
    st.tuples(SECTION_CODES, FIELDS).map(
        lambda section: bytes((0, 0x53, section[0])) + encode(section[1])
    ),
    max_size=5,
).map(b"".join)
WIRE_FRAMES = st.one_of(
    st.builds(
        lambda code, fields, payload: frame(1, encode_described_list(code, *fields), payload),
        st.integers(0x11, 0x17),
        st.lists(FIELDS, max_size=12),
        MESSAGES | st.binary(max_size=40),
    ),
    st.builds(
        lambda message, handle: transfer(message, handle=handle), MESSAGES, st.integers(0, 7)
    ),
    st.builds(
        lambda first, last, state: frame(
            1, encode_described_list(0x15, True, UInt(first), UInt(last), False, state)
        ),
        *(NUMBERS, NUMBERS, st.builds(Described, st.integers(0x23, 0x27).map(ULong), FIELDS)),
    ),
)
#: Links of each kind, so that what follows has something to hit; handles 0 to 7.
LINKS = GREETING + b"".join(
    attach(handle, address, receives=receives)
    for handle, (address, receives) in enumerate(
        (address, receives)
        for address in ("q", "$cbs", "q/$management", "s/$management")
        for receives in (False, True)
    )
)


def requests() -> st.SearchStrategy[bytes]:
    """Management requests with names that exist and whatever in them."""
    names = [
        *("renew-lock", "update-disposition", "peek-message", "schedule-message"),
        *("cancel-scheduled-message", "receive-by-sequence-number", "renew-session-lock"),
        *("get-session-state", "set-session-state", "get-message-sessions", "no-such"),
    ]
    keys = [
        *("lock-tokens", "disposition-status", "from-sequence-number", "message-count"),
        *("session-id", "messages", "sequence-numbers", "receiver-settle-mode", "skip", "top"),
        *("last-updated-time", "session-state"),
    ]
    values = FIELDS | st.lists(st.integers(-1, 9), max_size=3) | st.sampled_from(["completed", "q"])

    return st.builds(
        request,
        st.sampled_from(names),
        st.dictionaries(st.sampled_from(keys), values, max_size=8),
        st.sampled_from([4, 6]),
    )


@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.lists(WIRE_FRAMES | requests(), max_size=12), st.data())
def test_no_frames_harm_the_server(
    tmp_path_factory: pytest.TempPathFactory, frames: list[bytes], data: st.DataObject
) -> None:
    stream = b"".join(frames)
    if stream and data.draw(st.booleans()):
        at = data.draw(st.integers(0, len(stream) - 1))
        stream = stream[:at] + data.draw(st.binary(min_size=1, max_size=1)) + stream[at + 1 :]

    async def scene(server: ServiceBusServer, connect: Connect) -> None:
        bad, good = await connect(), await connect()
        credit = (UInt(0), UInt(5000), UInt(0), UInt(5000), UInt(1), UInt(0), UInt(50))
        await bad.say(LINKS + frame(1, encode_described_list(0x13, *credit)) + stream)
        await bad.rest()  # raises when the connection does not end
        await good.say(GREETING + attach(0, "q", receives=False))
        await good.say(transfer(b"\x00\x53\x75\xa0\x01x"))
        assert b"\x00\x53\x24\x45" in await good.hear(0x15)

    play(tmp_path_factory.mktemp("hostile"), scene)
