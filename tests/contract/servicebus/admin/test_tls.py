"""The certificate, how clients come to trust it, and what else may come through TLS."""

import socket
import ssl
import subprocess
import sys
from contextlib import ExitStack, suppress
from pathlib import Path

import pytest
from azure.core.exceptions import ServiceRequestError
from azure.servicebus import ServiceBusClient, ServiceBusMessage, TransportType
from azure.servicebus.management import ServiceBusAdministrationClient

from tests.contract.servicebus.clients import body, one
from tests.contract.servicebus.emulator import Emulator

pytestmark = pytest.mark.xdist_group("servicebus admin tls")


def names(connection: str, **terms: str) -> list[str]:
    with ServiceBusAdministrationClient.from_connection_string(
        connection, retry_total=0, **terms
    ) as admin:
        return [each.name for each in admin.list_queues()]


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_a_client_that_is_told_to_trusts_it(emulator: Emulator, host: str) -> None:
    connection = emulator.connection_string.replace("127.0.0.1", host)
    assert names(connection, connection_verify=str(emulator.server.certificate)) == []


def test_a_client_that_is_not_does_not(emulator: Emulator) -> None:
    with pytest.raises(ServiceRequestError, match="certificate verify failed"):
        names(emulator.connection_string)


def test_the_environment_can_tell(emulator: Emulator, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(emulator.server.certificate))
    assert names(emulator.connection_string) == []


ASYNC = """
import asyncio, sys
from azure.servicebus.aio.management import ServiceBusAdministrationClient

async def main():
    async with ServiceBusAdministrationClient.from_connection_string(sys.argv[1]) as admin:
        print((await admin.get_namespace_properties()).name)

asyncio.run(main())
"""


def test_the_environment_can_tell_the_asynchronous_client(emulator: Emulator) -> None:
    found = subprocess.run(
        [sys.executable, "-c", ASYNC, emulator.connection_string],
        env={"SSL_CERT_FILE": str(emulator.server.certificate)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert found.stdout == "tests\n"


def test_a_port_of_its_own(tmp_path: Path) -> None:
    with Emulator(tmp_path, {}, admin_port=0) as emulator:
        assert emulator.server.admin_port not in (0, emulator.server.port)
        connection = emulator.connection_string.replace(
            str(emulator.server.port), str(emulator.server.admin_port)
        )
        assert names(connection, connection_verify=str(emulator.server.certificate)) == []


def test_amqp_inside_tls(emulator: Emulator) -> None:
    """As to Azure, with a connection string that knows of no emulator."""
    trusted = str(emulator.server.certificate)
    with ServiceBusAdministrationClient.from_connection_string(
        emulator.connection_string, connection_verify=trusted
    ) as admin:
        admin.create_queue("secured")
    with ServiceBusClient.from_connection_string(
        emulator.connection_string.replace(";UseDevelopmentEmulator=true", ""),
        custom_endpoint_address=f"sb://127.0.0.1:{emulator.server.port}",
        transport_type=TransportType.Amqp,
        connection_verify=trusted,
    ) as client:
        with client.get_queue_sender("secured") as sender:
            sender.send_messages(ServiceBusMessage(b"x" * 200_000))
        with client.get_queue_receiver("secured") as receiver:
            message = one(receiver)
            assert body(message) == b"x" * 200_000
            receiver.complete_message(message)


HALVES = {
    "nothing": b"",
    "the first byte": b"\x16",
    "half a hello": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"x" * 20,
}


@pytest.mark.parametrize("said", HALVES.values(), ids=HALVES)
def test_half_open_connections_hold_nobody_up(tmp_path: Path, said: bytes) -> None:
    with ExitStack() as held:
        with Emulator(tmp_path, {}) as emulator:
            place = ("127.0.0.1", emulator.server.port)
            wires = [held.enter_context(socket.create_connection(place)) for _ in range(50)]
            for wire in wires:
                wire.sendall(said)
            trusted = str(emulator.server.certificate)
            assert names(emulator.connection_string, connection_verify=trusted) == []
        for wire in wires:  # the server's end is theirs too
            wire.settimeout(10)
            with suppress(ConnectionResetError):
                assert wire.recv(1) == b""


def test_a_connection_that_only_greets_is_let_go(emulator: Emulator) -> None:
    trust = ssl.create_default_context(cafile=emulator.server.certificate)
    place = ("127.0.0.1", emulator.server.port)
    for _ in range(20):
        with socket.create_connection(place) as plain:
            trust.wrap_socket(plain, server_hostname="localhost").close()
    trusted = str(emulator.server.certificate)
    assert isinstance(names(emulator.connection_string, connection_verify=trusted), list)
