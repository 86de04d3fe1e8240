"""Links need tokens, as long as they last. Written by hand, since the SDK renews its tokens."""

from pathlib import Path

import pytest

from retrain.local.servicebus import ServiceBusServer
from retrain.local.servicebus.amqp import UByte, encode_described_list
from retrain.local.servicebus.sas import DEFAULT_KEY, Key, Right
from retrain.local.servicebus.wire.frames import SASL_FRAME, SASL_HEADER, frame
from tests.contract.servicebus.parts.raw import (
    GREETING,
    Connect,
    Wire,
    attach,
    credit,
    play,
    put_token,
    request,
)
from tests.contract.servicebus.tokens import token

ATTACH, FLOW, TRANSFER, DETACH, CLOSE = 0x12, 0x13, 0x14, 0x16, 0x18
TOKENS = attach(0, "$cbs", receives=False) + attach(1, "$cbs", receives=True) + credit(1, 100)


async def shown(wire: Wire, audience: str, seconds: float) -> bytes:
    """The answer to a token for the audience."""
    await wire.say(put_token(token(audience, seconds=seconds), audience, 0))
    return await wire.hear(TRANSFER)


@pytest.mark.parametrize("address", ["q", "q/$management", "nowhere", "s"])
@pytest.mark.parametrize("receives", [True, False])
def test_no_link_without_a_token(tmp_path: Path, address: str, receives: bool) -> None:
    async def scene(server: ServiceBusServer, connect: Connect) -> None:
        wire = await connect()
        await wire.say(GREETING + attach(0, address, receives=receives))
        refused = await wire.hear(DETACH)
        assert b"amqp:unauthorized-access" in refused
        assert b"claim(s) are required to perform this operation" in refused

    play(tmp_path, scene, keys=(DEFAULT_KEY,))


def test_a_token_opens_what_it_is_for(tmp_path: Path) -> None:
    async def scene(server: ServiceBusServer, connect: Connect) -> None:
        wire = await connect()
        await wire.say(GREETING + TOKENS)
        assert b"Accepted" in await shown(wire, "sb://localhost/q", 60)
        await wire.say(attach(2, "q", receives=False) + attach(3, "s", receives=False))
        assert b"unauthorized" in await wire.hear(DETACH)
        await wire.say(attach(4, "q/$management", receives=True))
        assert b"link 4" in await wire.hear(ATTACH)

    play(tmp_path, scene, keys=(DEFAULT_KEY,))


def test_links_end_with_their_token(tmp_path: Path) -> None:
    async def scene(server: ServiceBusServer, connect: Connect) -> None:
        wire = await connect()
        await wire.say(GREETING + TOKENS)
        await shown(wire, "sb://localhost/q", 4)
        await shown(wire, "sb://localhost/s", 600)
        await wire.say(attach(2, "s", receives=False) + attach(3, "q", receives=False))
        ended = await wire.hear(DETACH)
        assert b"amqp:link:detach-forced" in ended
        assert b"Code: RenewToken" in ended
        assert b"Resource: 'q'" in ended

    play(tmp_path, scene, keys=(DEFAULT_KEY,))


def test_a_renewed_token_keeps_its_links(tmp_path: Path) -> None:
    async def scene(server: ServiceBusServer, connect: Connect) -> None:
        wire = await connect()
        await wire.say(GREETING + TOKENS)
        await shown(wire, "sb://localhost/q", 4)
        await shown(wire, "sb://localhost/s", 5)
        await wire.say(attach(2, "q", receives=False) + attach(3, "s", receives=False))
        await shown(wire, "sb://localhost/q", 600)
        assert b"Resource: 's'" in await wire.hear(DETACH)  # and not before it the other

    play(tmp_path, scene, keys=(DEFAULT_KEY,))


OPERATIONS = {
    "schedule-message": Right.SEND,
    "cancel-scheduled-message": Right.SEND,
    "peek-message": Right.LISTEN,
    "renew-lock": Right.LISTEN,
    "add-rule": Right.LISTEN,
}


@pytest.mark.parametrize(("operation", "right"), OPERATIONS.items(), ids=OPERATIONS)
@pytest.mark.parametrize("key", [Right.SEND, Right.LISTEN])
def test_requests_need_rights(tmp_path: Path, operation: str, right: Right, key: Right) -> None:
    worker = Key("worker", "d29ya2Vy", frozenset({key}))

    async def scene(server: ServiceBusServer, connect: Connect) -> None:
        wire = await connect()
        await wire.say(GREETING + TOKENS)
        await wire.say(put_token(token("sb://h/q", worker), "sb://h/q", 0))
        assert b"Accepted" in await wire.hear(TRANSFER)
        links = (
            attach(2, "q/$management", receives=False),
            attach(3, "q/$management", receives=True),
            credit(3, 100),
        )
        await wire.say(b"".join(links) + request(operation, {}, 2))
        refused = b"unauthorized-access" in await wire.hear(TRANSFER)
        assert refused is (right is not key)

    play(tmp_path, scene, keys=(worker,))


@pytest.mark.parametrize(("value", "code"), [("SAS_KEY_VALUE", 0), ("wrong", 1)])
def test_a_key_as_a_password(tmp_path: Path, value: str, code: int) -> None:
    async def scene(server: ServiceBusServer, connect: Connect) -> None:
        wire = await connect()
        secret = f"\0{DEFAULT_KEY.name}\0{value}".encode()
        init = frame(0, encode_described_list(0x41, "PLAIN", secret), kind=SASL_FRAME)
        await wire.say(SASL_HEADER + init)
        outcome = await wire.hear(0x44)
        assert outcome == encode_described_list(0x44, UByte(code))
        if code == 0:
            await wire.say(GREETING + attach(0, "q", receives=False))
            await wire.hear(FLOW)

    play(tmp_path, scene, keys=(DEFAULT_KEY,))


def test_any_token_is_taken_when_so_told(tmp_path: Path) -> None:
    async def scene(server: ServiceBusServer, connect: Connect) -> None:
        wire = await connect()
        await wire.say(GREETING + TOKENS + put_token("who knows", "sb://localhost/q", 0))
        assert b"Accepted" in await wire.hear(TRANSFER)
        await wire.say(attach(2, "q", receives=False))
        await wire.hear(FLOW)

    play(tmp_path, scene)
