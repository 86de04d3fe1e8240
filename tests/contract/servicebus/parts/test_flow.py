"""What the server may send, and how much it keeps for a client that does not read."""

import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest

from retrain.local.servicebus import NamespaceSettings, QueueSettings, ServiceBusServer
from retrain.local.servicebus.amqp import UInt, decode, encode_described_list
from retrain.local.servicebus.wire.frames import AMQP_HEADER, frame
from retrain.local.servicebus.wire.limits import Limits
from tests.contract.servicebus.parts.desk import message
from tests.contract.servicebus.parts.raw import (
    BEGIN,
    GREETING,
    Connect,
    Wire,
    attach,
    credit,
    node,
    only_connection,
    play,
    request,
    transfer,
)

ENTITIES = NamespaceSettings(
    queues=(QueueSettings(name="q"), QueueSettings(name="large", max_message_bytes=1 << 23))
)
#: Of a client that takes only small frames.
SMALL_FRAMES = AMQP_HEADER + frame(0, encode_described_list(0x10, "c", None, UInt(512))) + BEGIN


def put(server: ServiceBusServer, queue: str, *bodies: bytes) -> None:
    server.listener(queue)._queue.put([message(body) for body in bodies])


def flow(incoming: int, window: int) -> bytes:
    """The client has got so many frames, and takes so many more."""
    numbers = map(UInt, (incoming, window, 0, 5000))
    return frame(1, encode_described_list(0x13, *numbers))


async def until(true: Callable[[], bool]) -> None:
    async with asyncio.timeout(20):
        while not true():
            await asyncio.sleep(0.01)


async def settled(count: Callable[[], int]) -> int:
    """The number, when it has stopped to grow."""
    before = -1
    while before != count():
        before = count()
        await asyncio.sleep(0.2)
    return before


def test_messages_wait_in_the_queue_for_the_clients_window(tmp_path: Path) -> None:
    async def scene(server: ServiceBusServer, connect: Connect) -> None:
        put(server, "q", *[b"x"] * 10)
        wire = await connect()
        await wire.say(GREETING + attach(0, "q", receives=True) + credit(0, 1000, window=3))
        assert len(await wire.heard(0x14)) == 3
        assert server.calls["receive"] <= 4
        await wire.say(flow(3, 2))
        assert len(await wire.heard(0x14)) == 2
        await wire.say(flow(5, 5000))
        for _ in range(5):
            await wire.hear(0x14)

    play(tmp_path, scene, ENTITIES)


def test_a_large_message_comes_in_frames_the_client_has_room_for(tmp_path: Path) -> None:
    async def scene(server: ServiceBusServer, connect: Connect) -> None:
        put(server, "q", b"a" * 200 + b"z" * 2000)
        wire = await connect()
        await wire.say(SMALL_FRAMES + attach(0, "q", receives=True) + credit(0, 1, window=2))
        frames = await wire.heard(0x14)
        assert len(frames) == 2
        assert all(len(each) <= 504 for each in frames)
        # The count of what was sent is of what was sent.
        echo = (UInt(2), UInt(0), UInt(0), UInt(5000), UInt(0), UInt(0), UInt(1))
        await wire.say(frame(1, encode_described_list(0x13, *echo, None, False, True)))
        assert decode(await wire.hear(0x13), 3)[0][2] == 2
        await wire.say(flow(2, 5000))
        while decode(frames[-1], 3)[0][5]:
            frames.append(await wire.hear(0x14))
        whole = b"".join(each[decode(each, 3)[1] :] for each in frames)
        assert whole.endswith(b"a" * 200 + b"z" * 2000)

    play(tmp_path, scene, ENTITIES)


def test_a_large_message_does_not_keep_another_links_small_one_waiting(tmp_path: Path) -> None:
    async def scene(server: ServiceBusServer, connect: Connect) -> None:
        put(server, "large", b"x" * 100_000)
        wire = await connect()
        await wire.say(SMALL_FRAMES + attach(0, "large", receives=True) + credit(0, 1, window=2))
        assert len(await wire.heard(0x14)) == 2
        await wire.say(attach(1, "q", receives=True) + credit(1, 1, window=0))
        put(server, "q", b"small")
        await wire.say(flow(2, 4))
        handles = [decode(each, 3)[0][0] for each in await wire.heard(0x14)]
        assert handles in ([0, 1, 0, 0], [1, 0, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1])

    play(tmp_path, scene, ENTITIES)


async def _no_reader(server: ServiceBusServer, connect: Connect) -> Wire:
    """A client that reads no more than its kernel does, which is not much."""
    wire = await connect()
    wire._writer.transport.pause_reading()  # type: ignore[attr-defined]
    await until(lambda: server.connections == 1)
    return wire


def _unread(server: ServiceBusServer) -> int:
    """Bytes that wait in the server for its one client."""
    connection = only_connection(server)
    assert connection._transport
    return connection._transport.get_write_buffer_size()


def test_a_client_that_does_not_read_leaves_messages_to_others(tmp_path: Path) -> None:
    async def scene(server: ServiceBusServer, connect: Connect) -> None:
        put(server, "large", *[b"x" * 1_000_000] * 60)
        wire = await _no_reader(server, connect)
        await wire.say(GREETING + attach(0, "large", receives=True) + credit(0, 1000))
        delivered = await settled(lambda: server.calls["receive"])
        assert 0 < delivered < 30
        assert _unread(server) < 3_000_000
        put(server, "large", b"other")
        wire._writer.transport.resume_reading()  # type: ignore[attr-defined]
        last = 0
        while last < 61:
            last += not decode(await wire.hear(0x14), 3)[0][5]
        assert server.calls["receive"] == 61

    play(tmp_path, scene, ENTITIES)


def test_who_asks_for_more_than_it_takes_loses_that_link(tmp_path: Path) -> None:
    async def scene(server: ServiceBusServer, connect: Connect) -> None:
        put(server, "large", b"x" * 1_000_000)
        wire = await connect()
        links = attach(0, "large/$management", receives=False)
        links += attach(1, "large/$management", receives=True)
        body = {"from-sequence-number": 0, "message-count": 1}
        await wire.say(GREETING + links + request("peek-message", body, handle=0) * 60)
        assert b"amqp:resource-limit-exceeded" in await wire.hear(0x16)
        await wire.say(attach(1, "large/$management", receives=True) + credit(1, 9))
        await wire.say(request("peek-message", body, handle=0))
        await wire.hear(0x14)

    play(tmp_path, scene, ENTITIES)


def test_who_takes_no_answers_is_not_heard_any_more(tmp_path: Path) -> None:
    async def scene(server: ServiceBusServer, connect: Connect) -> None:
        wire = await _no_reader(server, connect)
        long = node(0x28, "nowhere"), node(0x29, "nowhere")
        wish = encode_described_list(0x12, "x" * 200_000, UInt(0), True, None, None, *long)
        await wire.say(GREETING)
        wishes = asyncio.gather(*[wire.say(frame(1, wish)) for _ in range(200)])
        with pytest.raises(TimeoutError):  # each would be refused with its long name
            await asyncio.wait_for(wishes, 1)
        assert _unread(server) < 3_000_000
        wire._writer.transport.resume_reading()  # type: ignore[attr-defined]
        reading = asyncio.create_task(wire.hear(0x13))
        await wire.say(attach(0, "q", receives=False))
        await reading

    play(tmp_path, scene, ENTITIES, Limits(backlog_bytes=1 << 21))


def test_a_reply_waits_for_credit(tmp_path: Path) -> None:
    async def scene(server: ServiceBusServer, connect: Connect) -> None:
        wire = await connect()
        address = "q/$management"
        await wire.say(GREETING + attach(0, address, receives=False))
        await wire.say(attach(1, address, receives=True) + request("no-such", {}, handle=0))
        await wire.hear(0x15)
        assert await wire.heard(0x14) == []
        await wire.say(credit(1, 1))
        assert b"statusCode" in await wire.hear(0x14)

    play(tmp_path, scene, ENTITIES)


def test_a_reply_goes_where_the_request_says(tmp_path: Path) -> None:
    async def scene(server: ServiceBusServer, connect: Connect) -> None:
        wire = await connect()
        address = "q/$management"
        await wire.say(GREETING + attach(0, address, receives=False))
        for handle, mine in ((1, "first"), (2, "second")):
            await wire.say(attach(handle, address, receives=True, mine=mine) + credit(handle, 9))
        asked = request("no-such", {}, handle=0, reply_to="second")
        await wire.say(asked)
        assert decode(await wire.hear(0x14), 3)[0][0] == 2

    play(tmp_path, scene, ENTITIES)


def test_draining_ends_the_credit_after_what_there_is(tmp_path: Path) -> None:
    async def scene(server: ServiceBusServer, connect: Connect) -> None:
        put(server, "q", b"a", b"b")
        wire = await connect()
        await wire.say(GREETING + attach(0, "q", receives=True))
        numbers = map(UInt, (0, 5000, 0, 5000, 0, 0, 10))
        await wire.say(frame(1, encode_described_list(0x13, *numbers, None, True)))
        await wire.hear(0x14)
        await wire.hear(0x14)
        _, _, _, _, handle, count, left, _, drained = decode(await wire.hear(0x13), 3)[0]
        assert (handle, count, left, drained) == (0, 10, 0, True)
        put(server, "q", b"c")
        assert await wire.heard(0x14) == []

    play(tmp_path, scene, ENTITIES)


def test_messages_that_come_in_turns_are_put_together_by_link(tmp_path: Path) -> None:
    async def scene(server: ServiceBusServer, connect: Connect) -> None:
        wire = await connect()
        await wire.say(GREETING + attach(0, "q", receives=False))
        await wire.say(attach(1, "large", receives=False))
        size = 300_000
        heads = [b"\x00\x53\x75\xb0" + size.to_bytes(4, "big") for _ in range(2)]
        for part in range(3):
            for handle, letter in ((0, b"a"), (1, b"b")):
                begins, more = part == 0, part < 2
                terms = (UInt(handle), b"t", UInt(0), False) if begins else (None,) * 4
                head = heads[handle] if begins else b""
                await wire.say(transfer(head + letter * 100_000, *terms, more, handle=handle))
        for _ in range(2):
            assert b"\x00\x53\x24\x45" in await wire.hear(0x15)
        assert (await server.listener("large").next()).body == b"b" * size

    entities = NamespaceSettings(
        queues=(QueueSettings(name="q", max_message_bytes=1 << 20), *ENTITIES.queues[1:])
    )
    play(tmp_path, scene, entities)
