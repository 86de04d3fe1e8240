"""Clients that write AMQP by hand, so that they can write it wrong."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

from retrain.local.servicebus import (
    NamespaceSettings,
    QueueSettings,
    ServiceBusServer,
    ServiceBusSettings,
)
from retrain.local.servicebus.amqp import (
    Described,
    UByte,
    UInt,
    ULong,
    encode,
    encode_described_list,
)
from retrain.local.servicebus.sas import DEFAULT_KEY, Key
from retrain.local.servicebus.wire.connection import Connection
from retrain.local.servicebus.wire.frames import (
    AMQP_HEADER,
    MAX_FRAME,
    SASL_HEADER,
    FrameReader,
    frame,
)
from retrain.local.servicebus.wire.limits import Limits

ENTITIES = NamespaceSettings(
    queues=(QueueSettings(name="q"), QueueSettings(name="s", sessions=True))
)
OPEN = frame(0, encode_described_list(0x10, "client", None, UInt(MAX_FRAME)))
BEGIN = frame(1, encode_described_list(0x11, None, UInt(0), UInt(5000), UInt(5000)))
GREETING = AMQP_HEADER + OPEN + BEGIN
CLOSE = 0x18


def node(code: int, address: str) -> Described:
    return Described(ULong(code), [address])


def attach(handle: int, address: str, *, receives: bool, mine: str | None = None) -> bytes:
    """mine: how the client calls its own end."""
    ends = (address, mine or address) if receives else (mine or address, address)
    fields = (f"link {handle}", UInt(handle), receives, UByte(0), UByte(0))
    nodes = node(0x28, ends[0]), node(0x29, ends[1])
    return frame(1, encode_described_list(0x12, *fields, *nodes))


def credit(handle: int, count: int, window: int = 5000) -> bytes:
    """A flow that lets the server send on the link, for a client that has got nothing yet."""
    numbers = (0, window, 0, 5000, handle, 0, count)
    return frame(1, encode_described_list(0x13, *map(UInt, numbers)))


def transfer(payload: bytes, *fields: Any, handle: int = 0) -> bytes:
    terms = fields or (UInt(0), b"tag", UInt(0), False)
    return frame(1, encode_described_list(0x14, UInt(handle), *terms), payload)


def request(name: str, body: dict[str, Any], handle: int, reply_to: str | None = None) -> bytes:
    """A management request, from the receiver `link 1`."""
    told = encode({"operation": f"com.microsoft:{name}", "associated-link-name": "link 1"})
    properties = encode_described_list(0x73, ULong(7), None, None, None, reply_to)
    whole = properties + b"\x00\x53\x74" + told + b"\x00\x53\x77" + encode(body)
    return transfer(whole, handle=handle)


def put_token(token: str, audience: str, handle: int) -> bytes:
    """A request to `$cbs`."""
    told = encode({"operation": "put-token", "type": "jwt", "name": audience})
    properties = encode_described_list(0x73, ULong(7))
    whole = properties + b"\x00\x53\x74" + told + b"\x00\x53\x77" + encode(token)
    return transfer(whole, handle=handle)


class Wire:
    """A raw connection."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer

    async def say(self, data: bytes) -> None:
        self._writer.write(data)
        with suppress(ConnectionError):  # it may be cut off by now
            await self._writer.drain()

    async def rest(self) -> list[tuple[int, bytes]]:
        """All frames until the server closes, by performative, when we have said all."""
        frames = FrameReader().feed(await self.end())
        return [(body[2], body) for kind, _, body in frames if kind >= 0 and body]

    async def end(self) -> bytes:
        """All until the server closes, when we have said all, whatever it speaks."""
        with suppress(OSError):
            self._writer.write_eof()
        try:
            return await asyncio.wait_for(self._reader.read(), 10)
        except ConnectionError:
            return b""

    async def hear(self, code: int) -> bytes:
        """The next frame of such a performative."""
        while True:
            body = await self._next()
            if body and body[2] == code:
                return body

    async def heard(self, code: int) -> list[bytes]:
        """The frames of such a performative that answer what was said until now."""
        await self.say(attach(99, "nowhere", receives=False))
        found: list[bytes] = []
        while True:
            body = await self._next()
            if body and body[2] == code:
                found.append(body)
            elif body and body[2] == 0x16:
                return found

    async def _next(self) -> bytes:
        head = await asyncio.wait_for(self._reader.readexactly(8), 10)
        if head in (AMQP_HEADER, SASL_HEADER):
            return b""
        return await self._reader.readexactly(int.from_bytes(head[:4], "big") - 8)

    async def close(self) -> None:
        self._writer.close()
        with suppress(ConnectionError):
            await self._writer.wait_closed()


Connect = Callable[[], Awaitable[Wire]]
Scene = Callable[[ServiceBusServer, Connect], Awaitable[None]]


def only_connection(server: ServiceBusServer) -> Connection:
    """The server's end of its one client."""
    (found,) = server._house.guests
    assert isinstance(found, Connection)
    return found


def play(
    folder: Path,
    scene: Scene,
    entities: NamespaceSettings = ENTITIES,
    limits: Limits = Limits(),  # noqa: B008 - it is frozen
    *,
    keys: tuple[Key, ...] = (),
) -> None:
    """Run against a server; fails when an exception got out of the server's hands.

    keys: which it asks for; without any, it takes every token and asks for none.
    """

    async def main() -> None:
        escaped: list[dict[str, Any]] = []
        asyncio.get_running_loop().set_exception_handler(lambda _, each: escaped.append(each))
        terms = ServiceBusSettings(
            data=folder,
            config=entities,
            port=0,
            keys=keys or (DEFAULT_KEY,),
            allow_any_token=not keys,
            limits=limits,
        )
        async with ServiceBusServer(terms) as server:
            wires: list[Wire] = []

            async def connect() -> Wire:
                wires.append(Wire(*await asyncio.open_connection("127.0.0.1", server.port)))
                return wires[-1]

            try:
                await scene(server, connect)
            finally:
                for wire in wires:
                    await wire.close()
        assert escaped == []

    asyncio.run(main())
