"""Clients that speak AMQP badly: their connection ends with the reason, and nobody else's does."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from retrain.local.servicebus import ServiceBusServer
from retrain.local.servicebus.amqp import Described, UInt, ULong, encode, encode_described_list
from retrain.local.servicebus.management import _OPERATIONS
from retrain.local.servicebus.wire.frames import SASL_HEADER, frame
from tests.contract.servicebus.parts.raw import (
    BEGIN,
    CLOSE,
    GREETING,
    OPEN,
    Connect,
    attach,
    credit,
    only_connection,
    play,
    request,
    transfer,
)

BAD = {
    "a frame that is too large": b"\x7f\xff\xff\xff\x02\x00\x00\x01",
    "a frame smaller than its header": b"\x00\x00\x00\x04\x02\x00\x00\x01",
    "no performative": frame(1, b"\x00\x53\x99\x45"),
    "a performative that is no list": frame(1, b"\x00\x53\x12\x40"),
    "an attach without fields": frame(1, encode_described_list(0x12)),
    "a mistyped field": frame(1, encode_described_list(0x13, "x", UInt(0), UInt(0), UInt(0))),
    "a second open": OPEN,
    "a session twice": BEGIN,
    "a handle twice": attach(0, "q", receives=True) * 2,
    "a handle out of range": attach(1 << 20, "q", receives=True),
    "a transfer without an id": attach(0, "q", receives=False) + transfer(b"", None, b"t"),
}


@pytest.mark.parametrize("data", BAD.values(), ids=BAD)
def test_a_broken_rule_ends_the_connection_with_the_reason(tmp_path: Path, data: bytes) -> None:
    async def scene(server: ServiceBusServer, connect: Connect) -> None:
        good, bad = await connect(), await connect()
        await good.say(GREETING)
        await bad.say(GREETING + data)
        code, body = (await bad.rest())[-1]
        assert code == CLOSE
        assert b"amqp:" in body
        await good.say(attach(0, "q", receives=False))
        await good.hear(0x13)

    play(tmp_path, scene)


@pytest.mark.parametrize("data", [b"get / http/1.1\r\n\r\n", b"\x00\x03\x01\x02\x00\x01\x00\x01"])
def test_another_protocol_is_told_which_one_is_spoken(tmp_path: Path, data: bytes) -> None:
    async def scene(server: ServiceBusServer, connect: Connect) -> None:
        wire = await connect()
        await wire.say(data)
        reader = wire._reader
        assert await asyncio.wait_for(reader.read(), 10) == SASL_HEADER

    play(tmp_path, scene)


def test_a_message_that_can_not_be_read_is_rejected_and_the_link_lives(tmp_path: Path) -> None:
    async def scene(server: ServiceBusServer, connect: Connect) -> None:
        wire = await connect()
        await wire.say(
            GREETING + attach(0, "q", receives=False) + transfer(b"\x00\x53\x75\xa0\xff")
        )
        assert b"amqp:invalid-field" in await wire.hear(0x15)
        await wire.say(transfer(b"\x00\x53\x75\xa0\x01x", UInt(1), b"t", UInt(0), False))
        assert b"\x00\x53\x24\x45" in await wire.hear(0x15)
        assert (await server.listener("q").next()).body == b"x"

    play(tmp_path, scene)


def test_a_message_in_many_frames_is_put_together_and_a_cut_one_forgotten(tmp_path: Path) -> None:
    async def scene(server: ServiceBusServer, connect: Connect) -> None:
        cut, wire = await connect(), await connect()
        first, more = (UInt(0), b"t", UInt(0), False, True), (None, None, None, None, True)
        for each in (cut, wire):
            await each.say(GREETING + attach(0, "q", receives=False))
            await each.say(transfer(b"\x00\x53\x75\xa0\x03a", *first) + transfer(b"b", *more))
        await cut.close()
        await wire.say(transfer(b"c", None, None, None, None, False))
        await wire.hear(0x15)
        assert (await server.listener("q").next()).body == b"abc"
        assert server.calls["send"] == 1

    play(tmp_path, scene)


def test_a_message_beyond_the_limit_is_rejected_and_not_kept(tmp_path: Path) -> None:
    async def scene(server: ServiceBusServer, connect: Connect) -> None:
        wire = await connect()
        await wire.say(GREETING + attach(0, "q", receives=False))
        await wire.say(transfer(b"x" * 200_000, UInt(0), b"t", UInt(0), False, True))
        for _ in range(20):
            await wire.say(transfer(b"x" * 200_000, None, None, None, None, True))
        await wire.heard(0)
        connection = only_connection(server)
        assert connection.partial == 200_000
        await wire.say(transfer(b"x", None, None, None, None, False))
        rejected = await wire.hear(0x15)
        assert b"message-size-exceeded" in rejected
        assert b"4200001 bytes" in rejected
        await wire.say(transfer(b"\x00\x53\x75\xa0\x01x", UInt(1), b"t", UInt(0), False))
        assert b"\x00\x53\x24\x45" in await wire.hear(0x15)

    play(tmp_path, scene)


REFUSED = {
    "no such queue": (attach(0, "nowhere", receives=True), b"amqp:not-found"),
    "management of no queue": (attach(0, "nowhere/$management", receives=False), b"not-found"),
    "a session queue without a session": (attach(0, "s", receives=True), b"amqp:not-allowed"),
    "into a dead-letter queue": (attach(0, "q/$DeadLetterQueue", receives=False), b"not-allowed"),
    "a transaction": (
        frame(
            1,
            encode_described_list(
                *(0x12, "t", UInt(0), False, None, None, None, Described(ULong(0x30), []))
            ),
        ),
        b"amqp:not-implemented",
    ),
}


@pytest.mark.parametrize(("data", "condition"), REFUSED.values(), ids=REFUSED)
def test_a_refused_link_is_attached_nowhere_and_detached(
    tmp_path: Path, data: bytes, condition: bytes
) -> None:
    async def scene(server: ServiceBusServer, connect: Connect) -> None:
        wire = await connect()
        await wire.say(GREETING + data)
        await wire.hear(0x12)
        assert condition in await wire.hear(0x16)

    play(tmp_path, scene)


@pytest.mark.parametrize("operation", [*_OPERATIONS, "no-such"])
@pytest.mark.parametrize("queue", ["q", "s"])
@pytest.mark.parametrize("body", [{}, {"session-id": "x"}, {"lock-tokens": [1]}], ids=str)
def test_an_odd_request_is_answered(
    tmp_path: Path, operation: str, queue: str, body: dict[str, Any]
) -> None:
    async def scene(server: ServiceBusServer, connect: Connect) -> None:
        wire = await connect()
        address = f"{queue}/$management"
        await wire.say(GREETING + attach(0, address, receives=False))
        await wire.say(attach(1, address, receives=True) + credit(1, 1))
        await wire.say(request(operation, body, handle=0))
        answer = await wire.hear(0x14)
        assert b"statusCode" in answer
        assert encode("OK") not in answer

    play(tmp_path, scene)
