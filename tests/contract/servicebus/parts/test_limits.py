"""What one client may not do: say nothing, come in too great numbers, begin without end."""

import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest

from retrain.local.servicebus import ServiceBusServer
from retrain.local.servicebus.amqp import Described, UInt, ULong, encode, encode_described_list
from retrain.local.servicebus.wire.frames import AMQP_HEADER, SASL_HEADER, frame
from retrain.local.servicebus.wire.limits import Limits
from tests.contract.servicebus.parts.raw import (
    CLOSE,
    GREETING,
    OPEN,
    Connect,
    Wire,
    attach,
    credit,
    only_connection,
    play,
    transfer,
)


async def until(true: Callable[[], bool]) -> None:
    async with asyncio.timeout(20):
        while not true():
            await asyncio.sleep(0.01)


async def end(wire: Wire) -> bytes:
    """All it says until it hangs up."""
    return await asyncio.wait_for(wire._reader.read(), 20)


SILENT = {"nothing": b"", "a header": AMQP_HEADER, "half a greeting": SASL_HEADER + b"\x00\x00"}


@pytest.mark.parametrize("said", SILENT.values(), ids=SILENT)
def test_who_never_comes_to_the_point_is_cut_off(tmp_path: Path, said: bytes) -> None:
    async def scene(server: ServiceBusServer, connect: Connect) -> None:
        wire = await connect()
        await wire.say(said)
        await end(wire)
        await until(lambda: not server.connections)

    play(tmp_path, scene, limits=Limits(handshake_seconds=0.2))


def test_who_promised_signs_of_life_and_gives_none_is_cut_off(tmp_path: Path) -> None:
    async def scene(server: ServiceBusServer, connect: Connect) -> None:
        silent = await connect()
        await silent.say(GREETING + attach(0, "s", receives=False))
        told = await silent.hear(0x10)
        assert encode(UInt(500)) in told  # half of what is allowed
        assert b"amqp:connection:forced" in await silent.hear(CLOSE)
        await end(silent)
        await until(lambda: not server.connections)

    play(tmp_path, scene, limits=Limits(handshake_seconds=0.1, idle_seconds=1))


def test_who_beats_stays(tmp_path: Path) -> None:
    async def scene(server: ServiceBusServer, connect: Connect) -> None:
        wire, silent = await connect(), await connect()
        await wire.say(GREETING)
        await silent.say(GREETING)
        cut = asyncio.create_task(end(silent))
        while not cut.done():
            await wire.say(frame(0, b""))
            await asyncio.sleep(0.05)
        await wire.say(attach(0, "q", receives=False))
        await wire.hear(0x13)

    play(tmp_path, scene, limits=Limits(handshake_seconds=0.1, idle_seconds=3))


def test_one_connection_too_many_is_refused_with_the_reason(tmp_path: Path) -> None:
    async def scene(server: ServiceBusServer, connect: Connect) -> None:
        first = await connect()
        await first.say(GREETING)
        await first.hear(0x11)
        second = await connect()
        await second.say(AMQP_HEADER + OPEN)
        assert b"amqp:resource-limit-exceeded" in await second.hear(CLOSE)
        await second.close()
        await until(lambda: server.connections == 1)
        await first.close()
        await until(lambda: not server.connections)
        third = await connect()
        await third.say(GREETING)
        await third.hear(0x11)

    play(tmp_path, scene, limits=Limits(connections=1))


def test_messages_without_end_are_bounded(tmp_path: Path) -> None:
    async def scene(server: ServiceBusServer, connect: Connect) -> None:
        wire = await connect()
        await wire.say(GREETING + attach(0, "q", receives=False) + attach(1, "q", receives=False))
        part = UInt(0), b"t", UInt(0), False, True
        await wire.say(transfer(b"x" * 60_000, *part) + transfer(b"x" * 60_000, *part, handle=1))
        assert b"amqp:resource-limit-exceeded" in await wire.hear(CLOSE)

    play(tmp_path, scene, limits=Limits(partial_bytes=100_000))


def test_what_was_ended_or_given_up_counts_no_more(tmp_path: Path) -> None:
    async def scene(server: ServiceBusServer, connect: Connect) -> None:
        wire = await connect()
        await wire.say(GREETING + attach(0, "q", receives=False))
        half = b"\x00\x53\x75\xb0\x00\x00\xea\x60" + b"x" * 59_000
        for number in range(5):
            terms = UInt(number), b"t", UInt(0), False
            await wire.say(transfer(half, *terms, True) + transfer(b"x" * 1000, *terms, False))
            assert b"\x00\x53\x24\x45" in await wire.hear(0x15)
            aborted = (*terms, False, None, None, None, True)
            await wire.say(transfer(half, *terms, True) + transfer(b"", *aborted))
        connection = only_connection(server)
        await wire.heard(0)
        assert connection.partial == 0

    play(tmp_path, scene, limits=Limits(partial_bytes=100_000))


BEYOND = {
    "a channel": frame(300, encode_described_list(0x11, None, UInt(0), UInt(1), UInt(1))),
    "a handle": attach(256, "q", receives=True),
}


@pytest.mark.parametrize("data", BEYOND.values(), ids=BEYOND)
def test_numbers_beyond_what_was_agreed_end_the_connection(tmp_path: Path, data: bytes) -> None:
    async def scene(server: ServiceBusServer, connect: Connect) -> None:
        wire = await connect()
        await wire.say(GREETING + data)
        assert b"amqp:connection:framing-error" in await wire.hear(CLOSE)

    play(tmp_path, scene)


def test_who_does_not_take_the_last_words_is_cut_off(tmp_path: Path) -> None:
    async def scene(server: ServiceBusServer, connect: Connect) -> None:
        wire = await connect()
        wire._writer.transport.pause_reading()  # type: ignore[attr-defined]
        long = encode_described_list(0x12, "x" * 250_000, UInt(0), True)
        await wire.say(GREETING + frame(1, long) * 50 + frame(1, b"\x00\x53\x99\x45"))
        await until(lambda: server.calls.total() == 0 and not server.connections)

    play(tmp_path, scene, limits=Limits(linger_seconds=0.2, backlog_bytes=1 << 30))


LONG = {
    "a message id": encode_described_list(0x73, "x" * 129),
    "a session id": encode_described_list(0x73, *[None] * 10, "x" * 129),
}


@pytest.mark.parametrize("properties", LONG.values(), ids=LONG)
def test_ids_longer_than_the_service_takes_are_refused(tmp_path: Path, properties: bytes) -> None:
    async def scene(server: ServiceBusServer, connect: Connect) -> None:
        wire = await connect()
        await wire.say(GREETING + attach(0, "q", receives=False) + transfer(properties))
        assert b"com.microsoft:argument-out-of-range" in await wire.hear(0x15)

    play(tmp_path, scene)


def test_nothing_is_sent_or_settled_in_a_transaction(tmp_path: Path) -> None:
    async def scene(server: ServiceBusServer, connect: Connect) -> None:
        wire = await connect()
        within = Described(ULong(0x34), [b"txn"])
        await wire.say(GREETING + attach(0, "q", receives=False) + attach(1, "q", receives=True))
        terms = UInt(0), b"t", UInt(0), False, False, None, within
        await wire.say(transfer(b"\x00\x53\x75\xa0\x01x", *terms))
        assert b"amqp:not-implemented" in await wire.hear(0x15)
        await wire.say(transfer(b"\x00\x53\x75\xa0\x01y", UInt(1), b"t", UInt(0), False))
        await wire.say(credit(1, 1))
        await wire.hear(0x14)
        disposition = encode_described_list(0x15, True, UInt(0), None, False, within)
        await wire.say(frame(1, disposition))
        assert b"amqp:not-implemented" in await wire.hear(0x15)
        accepted = Described(ULong(0x24), [])
        await wire.say(frame(1, encode_described_list(0x15, True, UInt(0), None, False, accepted)))
        assert b"\x00\x53\x24\x45" in await wire.hear(0x15)

    play(tmp_path, scene)
