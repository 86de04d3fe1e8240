"""Addresses and ids of any letters: found or not found, kept or refused, never an accident."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from retrain.local.servicebus import ServiceBusServer
from retrain.local.servicebus.amqp import Encoded, encode, encode_described_list
from tests.contract.servicebus.parts.raw import GREETING, Connect, attach, play, transfer

ADDRESSES = [
    "",
    "/",
    "../q",
    "q/../q",
    "q?x=1",
    "q\x00",
    "q\n",
    "'; DROP TABLE messages; --",
    "q/$management/$management",
    "$management",
    "q/$DeadLetterQueue/$DeadLetterQueue",
    "q/Subscriptions/",
    "amqps://",
    "amqps://host",
    "\U0001f600",
    "x" * 100_000,
]


@pytest.mark.parametrize("address", ADDRESSES, ids=lambda text: repr(text[:30]))
@pytest.mark.parametrize("receives", [True, False])
def test_an_address_of_nothing_is_not_found(tmp_path: Path, address: str, receives: bool) -> None:
    async def scene(server: ServiceBusServer, connect: Connect) -> None:
        wire = await connect()
        await wire.say(GREETING + attach(0, address, receives=receives))
        refused = await wire.hear(0x16)
        assert b"amqp:not-found" in refused or b"amqp:not-" in refused
        await wire.say(attach(0, "q", receives=False))
        await wire.hear(0x13)

    play(tmp_path, scene)


IDS: dict[str, Any] = {
    "no letters": "",
    "a null letter": "a\x00b",
    "letters beyond the plane": "\U0001f600" * 128,
    "a line": "a\nb",
    "a number": 7,
    "bytes": b"\xff\x00",
}


@pytest.mark.parametrize("id_", IDS.values(), ids=IDS)
def test_an_id_of_any_letters_survives_a_restart(tmp_path: Path, id_: Any) -> None:
    session = id_ if isinstance(id_, str) else "s"

    async def send(server: ServiceBusServer, connect: Connect) -> None:
        wire = await connect()
        await wire.say(GREETING + attach(0, "s", receives=False))
        properties = encode_described_list(0x73, Encoded(encode(id_)), *[None] * 9, session)
        await wire.say(transfer(properties + b"\x00\x53\x75\xa0\x01x"))
        assert b"\x00\x53\x24\x45" in await wire.hear(0x15)

    async def receive(server: ServiceBusServer, connect: Connect) -> None:
        locked = await server.listener("s").next_session()
        delivery = await asyncio.wait_for(locked.next(10), 20)
        assert delivery
        assert (delivery.session_id, delivery.message_id) == (session, str(id_))
        await delivery.complete()
        await locked.close()

    play(tmp_path, send)
    play(tmp_path, receive)


@pytest.mark.parametrize("id_", [b"\xed\xa0\x80", b"\xff"], ids=["a lone surrogate", "no UTF-8"])
def test_an_id_that_is_no_text_is_refused(tmp_path: Path, id_: bytes) -> None:
    async def scene(server: ServiceBusServer, connect: Connect) -> None:
        wire = await connect()
        await wire.say(GREETING + attach(0, "q", receives=False))
        text = Encoded(b"\xa1" + bytes((len(id_),)) + id_)
        await wire.say(transfer(encode_described_list(0x73, text)))
        assert b"amqp:invalid-field" in await wire.hear(0x15)

    play(tmp_path, scene)
