"""What is wrong is refused, with the SDK's own exceptions; nobody else notices."""

import socket
import struct
from collections.abc import Iterator
from contextlib import suppress

import pytest
from azure.servicebus import NEXT_AVAILABLE_SESSION, ServiceBusMessage
from azure.servicebus.exceptions import ServiceBusError

from tests.contract.servicebus.clients import Clients, one
from tests.contract.servicebus.emulator import Emulator

#: One emulator and its clients serve the whole module.
pytestmark = pytest.mark.xdist_group("servicebus refusals")
QUEUES = {"plain": {}, "steps": {"RequiresSession": True}}

AMQP = b"AMQP\x00\x01\x00\x00"
SASL = b"AMQP\x03\x01\x00\x00"
OPEN = b"\x00\x53\x10\xc0\x04\x01\xa1\x01x"
BEGIN = b"\x00\x53\x11\xc0\x09\x04\x40\x43\x70\x7f\xff\xff\xff\x43"


def frame(body: bytes, kind: int = 0, channel: int = 0) -> bytes:
    return struct.pack(">IBBH", len(body) + 8, 2, kind, channel) + body


@pytest.fixture
def raw(emulator: Emulator) -> Iterator[socket.socket]:
    """A connection on which nothing was said yet."""
    with socket.create_connection(("127.0.0.1", emulator.server.port), timeout=5) as made:
        yield made


def rest_of(connection: socket.socket) -> bytes:
    """All that the emulator says until it hangs up."""
    said = b""
    with suppress(ConnectionResetError):
        while part := connection.recv(65536):
            said += part
    return said


NONSENSE = {
    "no AMQP": b"GET / HTTP/1.1\r\nHost: x\r\n\r\n",
    "no TLS": b"\x16\x03\x01\x00\x05hello",
    "a frame that is too short": AMQP + struct.pack(">IBBH", 4, 2, 0, 0),
    "a frame that is too large": AMQP + struct.pack(">IBBH", 0x7FFFFFFF, 2, 0, 0),
    "a header over the end": AMQP + struct.pack(">IBBH", 12, 200, 0, 0) + b"1234",
    "an unknown performative": AMQP + frame(b"\x00\x53\x55\x45"),
    "no performative": AMQP + frame(b"hello"),
    "an open without a name": AMQP + frame(b"\x00\x53\x10\x45"),
    "a field of a wrong type": AMQP + frame(b"\x00\x53\x10\xc0\x03\x01\x52\x07"),
    "a list over its end": AMQP + frame(b"\x00\x53\x10\xc0\x7f\x01\xa1\x01x"),
    "a begin before open": AMQP + frame(BEGIN),
    "an attach without a role": AMQP
    + frame(OPEN)
    + frame(BEGIN)
    + frame(b"\x00\x53\x12\xc0\x05\x02\xa1\x01l\x43"),
    "deep nesting": AMQP + frame(b"\x00\x53\x10" + b"\xc0\x02\x01" * 5000),
    "endless descriptors": AMQP + frame(b"\x00" * 5000),
    "an array of a billion nulls": AMQP
    + frame(
        OPEN[:3]
        + b"\xd0\x00\x00\x00\x17\x00\x00\x00\x01\xf0\x00\x00\x00\x06\x3f\xff\xff\xff\x40"
        + b"\x00" * 10
    ),
}


@pytest.mark.parametrize("bytes_sent", NONSENSE.values(), ids=NONSENSE)
def test_nonsense_ends_that_connection_only(
    raw: socket.socket, bytes_sent: bytes, clients: Clients
) -> None:
    raw.sendall(bytes_sent)
    rest_of(raw)  # it ends
    clients.sender("plain").send_messages(ServiceBusMessage("fine"))
    receiver = clients.receiver("plain")
    receiver.complete_message(one(receiver))


def test_the_error_is_said_before_the_end(raw: socket.socket) -> None:
    raw.sendall(AMQP + frame(OPEN) + frame(b"\x00\x53\x55\x45"))
    assert b"amqp:" in rest_of(raw)


def test_half_a_frame_waits_for_the_other(raw: socket.socket) -> None:
    said = AMQP + frame(OPEN)
    for byte in said:
        raw.sendall(bytes((byte,)))
    answer = b""
    while len(answer) < 20:
        answer += raw.recv(65536)
    assert answer.startswith(AMQP)


def test_frames_for_an_ended_session_are_ignored(raw: socket.socket) -> None:
    detach = b"\x00\x53\x16\xc0\x02\x01\x43"
    end = b"\x00\x53\x17\x45"
    close = b"\x00\x53\x18\x45"
    raw.sendall(AMQP + frame(OPEN) + frame(BEGIN) + frame(end) + frame(detach) + frame(close))
    assert rest_of(raw).endswith(frame(close)[8:])


def test_unknown_queues(clients: Clients) -> None:
    with (
        pytest.raises(ServiceBusError, match="nowhere"),
        clients.client.get_queue_sender("nowhere") as sender,
    ):
        sender.send_messages(ServiceBusMessage("x"))
    with (
        pytest.raises(ServiceBusError, match="nowhere"),
        clients.client.get_queue_receiver("nowhere") as receiver,
    ):
        receiver.receive_messages(1, max_wait_time=1)


def test_a_queue_with_sessions_needs_a_session(clients: Clients) -> None:
    with (
        pytest.raises(ServiceBusError, match=r"(?i)session"),
        clients.client.get_queue_receiver("steps") as receiver,
    ):
        receiver.receive_messages(1, max_wait_time=1)


@pytest.mark.parametrize("session", ["one", NEXT_AVAILABLE_SESSION])
def test_a_queue_without_sessions_has_none(clients: Clients, session: str) -> None:
    with (
        pytest.raises(ServiceBusError, match=r"(?i)session"),
        clients.client.get_queue_receiver("plain", session_id=session) as receiver,
    ):
        receiver.receive_messages(1, max_wait_time=1)


def test_a_message_that_is_too_large(clients: Clients) -> None:
    with pytest.raises(ServiceBusError):
        clients.sender("plain").send_messages(ServiceBusMessage(b"x" * (3 << 20)))


def test_a_deferred_message_that_is_not_there(clients: Clients) -> None:
    with pytest.raises(ServiceBusError):
        clients.receiver("plain").receive_deferred_messages(4711)
