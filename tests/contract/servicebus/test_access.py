"""Keys and what they open, by the unmodified clients: they raise what Azure's users see."""

import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from azure.core.credentials import AccessToken
from azure.core.exceptions import ClientAuthenticationError
from azure.servicebus import ServiceBusClient, ServiceBusMessage, ServiceBusReceiver
from azure.servicebus.exceptions import (
    ServiceBusAuthenticationError,
    ServiceBusAuthorizationError,
    ServiceBusError,
)
from azure.servicebus.management import AuthorizationRule, ServiceBusAdministrationClient

from retrain.local.servicebus.sas import DEFAULT_KEY, Key
from tests.contract.servicebus.clients import body, one, until
from tests.contract.servicebus.emulator import Emulator
from tests.contract.servicebus.tokens import token

pytestmark = pytest.mark.xdist_group("servicebus access")
QUEUES: dict[str, Any] = {"orders": {}, "others": {}}
SENDER = Key.parse("sender:Send=c2VuZGVy")
LISTENER = Key.parse("listener:Listen=bGlzdGVuZXI=")
WORKER = Key.parse("worker:Send,Listen=d29ya2Vy")
KEYS = (DEFAULT_KEY, SENDER, LISTENER, WORKER)


@pytest.fixture(scope="module")
def emulator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Emulator]:
    with Emulator(tmp_path_factory.mktemp("servicebus"), QUEUES, keys=KEYS) as made:
        yield made


def endpoint(emulator: Emulator) -> str:
    return f"127.0.0.1:{emulator.server.port}"


def keyed(emulator: Emulator, key: Key) -> str:
    """A connection string with the key."""
    return (
        f"Endpoint=sb://{endpoint(emulator)};SharedAccessKeyName={key.name};"
        f"SharedAccessKey={key.value};UseDevelopmentEmulator=true"
    )


def holding(emulator: Emulator, made: str) -> str:
    """A connection string with a token."""
    return (
        f"Endpoint=sb://{endpoint(emulator)};SharedAccessSignature={made};"
        "UseDevelopmentEmulator=true"
    )


def send(connection: str, queue: str = "orders") -> None:
    with (
        ServiceBusClient.from_connection_string(connection, retry_total=0) as client,
        client.get_queue_sender(queue) as sender,
    ):
        sender.send_messages(ServiceBusMessage("x"))


def receive(connection: str) -> None:
    with (
        ServiceBusClient.from_connection_string(connection, retry_total=0) as client,
        client.get_queue_receiver("orders") as receiver,
    ):
        receiver.receive_messages(1, max_wait_time=1)


@pytest.mark.parametrize("key", [DEFAULT_KEY, WORKER], ids=lambda key: key.name)
def test_a_key_opens_what_it_has_rights_for(emulator: Emulator, key: Key) -> None:
    with ServiceBusClient.from_connection_string(keyed(emulator, key)) as client:
        with client.get_queue_sender("orders") as sender:
            sender.send_messages(ServiceBusMessage(key.name))
        with client.get_queue_receiver("orders") as receiver:
            message = one(receiver)
            assert body(message) == key.name.encode()
            receiver.renew_message_lock(message)
            receiver.complete_message(message)


def test_sending_needs_the_right_to_send(emulator: Emulator) -> None:
    with pytest.raises(ServiceBusAuthorizationError, match="'Send' claim"):
        send(keyed(emulator, LISTENER))


def test_receiving_needs_the_right_to_listen(emulator: Emulator) -> None:
    with pytest.raises(ServiceBusAuthorizationError, match="'Listen' claim"):
        receive(keyed(emulator, SENDER))


def test_what_does_not_exist_is_not_told_to_strangers(emulator: Emulator) -> None:
    with pytest.raises(ServiceBusAuthorizationError, match="'Send' claim"):
        send(keyed(emulator, LISTENER), "nowhere")


def test_requests_need_rights_too(emulator: Emulator) -> None:
    later = datetime.now(UTC) + timedelta(hours=1)
    with (
        ServiceBusClient.from_connection_string(keyed(emulator, SENDER)) as client,
        client.get_queue_sender("orders") as sender,
    ):
        numbers = sender.schedule_messages(ServiceBusMessage("x"), later)
        sender.cancel_scheduled_messages(numbers)


REFUSED = {
    "a wrong key": lambda emulator: keyed(emulator, Key(DEFAULT_KEY.name, "d3Jvbmc=")),
    "an unknown name": lambda emulator: keyed(emulator, Key("nobody", DEFAULT_KEY.value)),
    "a token that has ended": lambda emulator: holding(
        emulator, token(f"sb://{endpoint(emulator)}/orders", seconds=-5)
    ),
    "a token for another queue": lambda emulator: holding(
        emulator, token(f"sb://{endpoint(emulator)}/others")
    ),
    "no token": lambda emulator: holding(emulator, "se=1900000000"),
}


@pytest.mark.parametrize("connection", REFUSED.values(), ids=REFUSED)
def test_who_is_not_known_does_not_come_in(
    emulator: Emulator, connection: Any, caplog: pytest.LogCaptureFixture
) -> None:
    with pytest.raises(ServiceBusAuthenticationError) as refused:
        send(connection(emulator))
    assert "Status code: 401" in str(refused.value.inner_exception)
    # The exception's own text names no reason, so whoever runs the emulator is told.
    assert "no entry to " in caplog.text


def test_a_token_for_the_queue_opens_it(emulator: Emulator) -> None:
    send(holding(emulator, token(f"sb://{endpoint(emulator)}/orders")))
    receive(holding(emulator, token(f"sb://{endpoint(emulator)}", LISTENER)))


def _receive_on(receiver: ServiceBusReceiver) -> None:
    while True:
        receiver.receive_messages(1, max_wait_time=1)


def test_a_connection_ends_with_its_token(emulator: Emulator) -> None:
    text = holding(emulator, token(f"sb://{endpoint(emulator)}/others", seconds=6))
    with (
        ServiceBusClient.from_connection_string(text, retry_total=0) as client,
        client.get_queue_receiver("others") as receiver,
        pytest.raises(ServiceBusError),  # the client has no other token to give
    ):
        _receive_on(receiver)


class Shortly:
    """A credential whose tokens last four seconds. `ends`: of the last one."""

    token_type = b"servicebus.windows.net:sastoken"

    def __init__(self, resource: str) -> None:
        self._resource = resource
        self.ends = 0

    def get_token(self, *_: str, **__: Any) -> AccessToken:
        self.ends = int(time.time()) + 4
        return AccessToken(token(self._resource, until=self.ends), self.ends)


def test_a_client_that_slept_over_its_token_comes_in_again(emulator: Emulator) -> None:
    """As a sender that has nothing to send for an hour: its link is gone, and it makes another."""
    credential = Shortly(f"sb://{endpoint(emulator)}/others")
    with (
        ServiceBusClient(endpoint(emulator), credential, use_tls=False) as client,
        client.get_queue_sender("others") as sender,
    ):
        sender.send_messages(ServiceBusMessage("before"))
        until(lambda: time.time() > credential.ends + 1)
        sender.send_messages(ServiceBusMessage("after"))


def test_keys_of_an_entity_open_it_alone(emulator: Emulator) -> None:
    key = Key("mine", "bWluZQ==")
    rule = AuthorizationRule(
        type="SharedAccessAuthorizationRule",
        key_name=key.name,
        rights=["Send"],
        primary_key=key.value,
        secondary_key="b3RoZXI=",
    )
    with ServiceBusAdministrationClient.from_connection_string(
        keyed(emulator, DEFAULT_KEY), connection_verify=str(emulator.server.certificate)
    ) as admin:
        admin.create_queue("guarded", authorization_rules=[rule])
    for value in (key.value, "b3RoZXI="):
        send(keyed(emulator, Key("mine", value)), "guarded")
    with pytest.raises(ServiceBusAuthenticationError):
        send(keyed(emulator, key), "orders")


def test_administration_needs_the_right_to_manage(emulator: Emulator) -> None:
    with (
        ServiceBusAdministrationClient.from_connection_string(
            keyed(emulator, WORKER), connection_verify=str(emulator.server.certificate)
        ) as admin,
        pytest.raises(ClientAuthenticationError, match="'Manage' claim"),
    ):
        admin.get_queue("orders")


class EntraId:
    """A credential like azure-identity's."""

    def get_token(self, *scopes: str, **_: Any) -> AccessToken:
        return AccessToken("eyJ0eXAiOiJKV1QifQ.e30.c2ln", 1_900_000_000)


def test_tokens_of_entra_id_are_refused_with_a_hint(emulator: Emulator) -> None:
    client = ServiceBusClient(endpoint(emulator), EntraId(), use_tls=False, retry_total=0)
    with (
        pytest.raises(ServiceBusAuthenticationError) as refused,
        client,
        client.get_queue_sender("orders") as sender,
    ):
        sender.send_messages(ServiceBusMessage("x"))
    assert "--allow-any-token" in str(refused.value.inner_exception)
    with (
        ServiceBusAdministrationClient(
            endpoint(emulator), EntraId(), connection_verify=str(emulator.server.certificate)
        ) as admin,
        pytest.raises(ClientAuthenticationError, match="--allow-any-token"),
    ):
        admin.get_queue("orders")


def test_any_token_when_so_told(tmp_path_factory: pytest.TempPathFactory) -> None:
    folder = tmp_path_factory.mktemp("open")
    with Emulator(folder, {"orders": {}}, allow_any_token=True) as emulator:
        send(keyed(emulator, Key("whoever", "x")))
        with (
            ServiceBusClient(endpoint(emulator), EntraId(), use_tls=False) as client,
            client.get_queue_receiver("orders") as receiver,
        ):
            receiver.complete_message(one(receiver))
        with ServiceBusAdministrationClient(
            endpoint(emulator), EntraId(), connection_verify=str(emulator.server.certificate)
        ) as admin:
            assert admin.get_queue("orders").name == "orders"
