"""AMQP's types: what goes in comes out, and garbage is refused by one kind of error."""

import string
import uuid
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from retrain.local.servicebus.amqp import (
    Array,
    DecodeError,
    Described,
    Encoded,
    Int,
    Symbol,
    Timestamp,
    UByte,
    UInt,
    ULong,
    UShort,
    decode,
    decode_all,
    encode,
    encode_described_list,
    raw_items,
    sections,
)
from retrain.local.servicebus.amqp.performatives import read
from retrain.local.servicebus.messages import parse, unbatch
from retrain.local.servicebus.wire.frames import FrameReader, FramingError

LONG = st.integers(-(1 << 63), (1 << 63) - 1)
SYMBOLS = st.text(string.ascii_letters + ":-", max_size=300).map(Symbol)
SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    LONG,
    LONG.map(Timestamp),
    st.integers(0, 0xFF).map(UByte),
    st.integers(0, 0xFFFF).map(UShort),
    st.integers(0, 0xFFFFFFFF).map(UInt),
    st.integers(0, (1 << 64) - 1).map(ULong),
    st.integers(-(1 << 31), (1 << 31) - 1).map(Int),
    st.floats(allow_nan=False),
    st.text(max_size=300),
    SYMBOLS,
    st.binary(max_size=300),
    st.uuids(),
)
ARRAYS = st.one_of(
    *(st.lists(kind, max_size=5).map(Array) for kind in (LONG, st.uuids(), st.text(), SYMBOLS))
)
VALUES = st.recursive(
    SCALARS | ARRAYS,
    lambda inner: st.one_of(
        st.lists(inner, max_size=5),
        st.dictionaries(st.text(max_size=5) | SYMBOLS, inner, max_size=5),
        st.builds(Described, st.integers(0, 0xFF).map(ULong), inner),
    ),
    max_leaves=20,
)


@given(VALUES)
def test_what_is_encoded_is_decoded(value: Any) -> None:
    assert decode_all(encode(value)) == value


@given(VALUES, st.binary(max_size=9))
def test_a_value_ends_where_it_ends(value: Any, rest: bytes) -> None:
    encoded = encode(value)
    assert decode(encoded + rest)[1] == len(encoded)


@given(VALUES)
def test_no_prefix_of_a_value_is_a_value(value: Any) -> None:
    encoded = encode(value)
    for end in {0, 1, len(encoded) // 2, len(encoded) - 1} - {len(encoded)}:
        with pytest.raises(DecodeError):
            decode_all(encoded[:end])


@given(st.lists(VALUES, max_size=300))
def test_raw_items_are_the_items_still_encoded(values: list[Any]) -> None:
    items = raw_items(encode(values))
    assert [decode_all(item) for item in items] == values
    assert encode([Encoded(item) for item in items]) == encode(values)


@given(st.binary(max_size=200))
def test_garbage_is_refused_by_one_error(data: bytes) -> None:
    for reads in (decode_all, raw_items, sections, read, parse, lambda it: unbatch(it, 0x80013700)):
        try:
            reads(data)
        except DecodeError:
            continue


@given(VALUES, st.data())
def test_a_damaged_value_is_refused_by_one_error(value: Any, data: st.DataObject) -> None:
    encoded = bytearray(encode(value))
    at = data.draw(st.integers(0, len(encoded) - 1))
    encoded[at] = data.draw(st.integers(0, 255))
    try:
        decode_all(bytes(encoded))
    except DecodeError:
        return


BOMBS = {
    "an array of four billion nothings": "f0 00000005 ffffffff 40",
    "a list of four billion items": "d0 00000004 ffffffff",
    "lists without end": "c0 ff 01" * 5000,
    "descriptors without end": "00" * 5000,
    "a key that can't be one": "c1 04 02 45 45 40",
    "a map of a key alone": "c1 02 01 40",
    "text that is no UTF-8": "a1 02 ff fe",
}


@pytest.mark.parametrize("data", BOMBS.values(), ids=BOMBS)
def test_bombs_are_refused(data: str) -> None:
    with pytest.raises(DecodeError):
        decode_all(bytes.fromhex(data))


@given(st.lists(st.integers(1, 50)), st.lists(st.binary(max_size=60), min_size=1))
def test_frames_come_whole_however_the_stream_is_cut(cuts: list[int], bodies: list[bytes]) -> None:
    frames = b"".join(
        (len(body) + 8).to_bytes(4, "big") + b"\x02\x00\x00\x07" + body for body in bodies
    )
    reader, found, at = FrameReader(), list[tuple[int, int, bytes]](), 0
    reader.expect_header = False
    for size in (*cuts, len(frames)):
        found += reader.feed(frames[at : at + size])
        at += size
    assert found == [(0, 7, body) for body in bodies]


@pytest.mark.parametrize("head", ["7fffffff02000000", "0000000402000000", "0000000801000000"])
def test_impossible_frames_are_refused(head: str) -> None:
    reader = FrameReader()
    reader.expect_header = False
    with pytest.raises(FramingError):
        list(reader.feed(bytes.fromhex(head)))


def test_a_mandatory_field_must_be_there_and_of_its_type() -> None:
    for fields in ((), (None, UInt(1), True), ("name", "handle", True), ("name", UInt(1))):
        with pytest.raises(DecodeError):
            read(encode_described_list(0x12, *fields))
    found, _ = read(encode_described_list(0x12, "name", UInt(1), True))
    assert found[:3] == ("name", 1, True)


def test_what_amqp_has_no_type_for_is_a_type_error() -> None:
    with pytest.raises(TypeError):
        encode(object())
    assert decode_all(encode(uuid.UUID(int=1))) == uuid.UUID(int=1)
