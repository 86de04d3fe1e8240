"""What befalls a client's wishes at Service Bus, and what the unmodified SDK makes of it."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from azure.servicebus import ServiceBusClient, ServiceBusMessage, ServiceBusSender
from azure.servicebus.exceptions import (
    ServiceBusAuthorizationError,
    ServiceBusConnectionError,
    ServiceBusError,
    ServiceBusServerBusyError,
)

from retrain.local.faults import Faults, Rule, seconds, servicebus
from retrain.local.faults.operations import SERVICEBUS
from retrain.local.servicebus import management
from tests.contract.servicebus.clients import Clients, body, one, some
from tests.contract.servicebus.emulator import Emulator

QUEUES = {
    "q": {},
    "other": {},
    "sent": {},
    "settled": {"LockDuration": "PT2S"},
    "slow": {},
    "sessions": {"RequiresSession": True},
}


def at(entity: str, operation: str | None = None) -> servicebus.OperationWhere:
    return servicebus.OperationWhere(entity=entity, operation=operation)


@pytest.fixture
def patient(emulator: Emulator) -> Iterator[ServiceBusClient]:
    """Repeats as the SDK does, but hardly waits."""
    with ServiceBusClient.from_connection_string(
        emulator.connection_string, retry_total=3, retry_backoff_factor=0.01
    ) as client:
        yield client


def send(sender: ServiceBusSender, text: str = "m") -> None:
    sender.send_messages(ServiceBusMessage(text))


REFUSED: dict[str, tuple[Rule, type[ServiceBusError]]] = {
    "throttled": (servicebus.Throttle(where=at("q", "send")), ServiceBusServerBusyError),
    "an error": (servicebus.Error(where=at("q", "send")), ServiceBusError),
    "an error of the rule's choice": (
        servicebus.Error(where=at("q", "send"), condition="amqp:unauthorized-access"),
        ServiceBusAuthorizationError,
    ),
    "the link closed": (servicebus.ClosedLink(where=at("q", "send")), ServiceBusConnectionError),
    "the connection cut": (servicebus.Drop(where=at("q", "send")), ServiceBusError),
}


@pytest.mark.parametrize(("rule", "error"), REFUSED.values(), ids=REFUSED)
def test_a_send_that_fails(
    clients: Clients, faults: Faults, rule: Rule, error: type[ServiceBusError]
) -> None:
    sender, receiver = clients.sender("q"), clients.receiver("q")
    send(sender)  # the link is there
    receiver.complete_message(one(receiver))
    faults.add(rule)
    with pytest.raises(error):
        send(sender)
    faults.clear()
    assert not receiver.peek_messages(1), "nothing was taken in"
    send(sender, "again")
    message = one(receiver)
    assert body(message) == b"again"
    receiver.complete_message(message)


AGAIN: dict[str, Rule] = {
    "an error": servicebus.Error(where=at("sent", "send"), times=1),
    "the link closed": servicebus.ClosedLink(where=at("sent", "send"), times=1),
    "the connection cut": servicebus.Drop(where=at("sent", "send"), times=1),
}


@pytest.mark.parametrize("rule", AGAIN.values(), ids=AGAIN)
def test_the_sdk_sends_again(
    patient: ServiceBusClient, clients: Clients, faults: Faults, rule: Rule
) -> None:
    name = faults.add(rule)
    with patient.get_queue_sender("sent") as sender:
        send(sender)
    assert faults.tally(name).struck == 1
    receiver = clients.receiver("sent")
    receiver.complete_message(one(receiver))
    assert not receiver.peek_messages(1)


def test_a_send_whose_answer_is_lost_leaves_two_messages(
    patient: ServiceBusClient, clients: Clients, faults: Faults
) -> None:
    faults.add(servicebus.Drop(where=at("sent", "send"), effect="after", times=1))
    with patient.get_queue_sender("sent") as sender:
        sender.send_messages(ServiceBusMessage("m", message_id="1"))
    receiver = clients.receiver("sent")
    both = some(receiver, 2)
    assert [message.message_id for message in both] == ["1", "1"]
    for message in both:
        receiver.complete_message(message)


def test_a_settlement_that_fails_leaves_the_message(clients: Clients, faults: Faults) -> None:
    send(clients.sender("settled"))
    faults.add(servicebus.Error(where=at("settled", "complete"), times=1))
    with (
        clients.client.get_queue_receiver("settled") as receiver,
        pytest.raises(ServiceBusError),
    ):
        receiver.complete_message(one(receiver))
    with clients.client.get_queue_receiver("settled") as receiver:
        again = one(receiver)
        assert again.delivery_count == 1
        receiver.complete_message(again)


def test_a_settlement_whose_answer_is_lost_took_effect(clients: Clients, faults: Faults) -> None:
    sender, receiver = clients.sender("settled"), clients.receiver("settled")
    send(sender)
    message = one(receiver)
    faults.add(servicebus.Drop(where=at("settled", "complete"), effect="after", times=1))
    with pytest.raises(ServiceBusError):
        receiver.complete_message(message)
    with clients.client.get_queue_receiver("settled") as another:
        assert not another.peek_messages(1)


MANAGED: dict[str, tuple[str, Callable[[Any, Any], Any]]] = {
    "peek": ("peek", lambda _, receiver: receiver.peek_messages(1)),
    "schedule": (
        "schedule",
        lambda sender, _: sender.schedule_messages(ServiceBusMessage("m"), _tomorrow()),
    ),
}


def _tomorrow() -> Any:
    from datetime import UTC, datetime, timedelta

    return datetime.now(UTC) + timedelta(days=1)


@pytest.mark.parametrize(("operation", "ask"), MANAGED.values(), ids=MANAGED)
def test_management_that_fails(
    clients: Clients, faults: Faults, operation: str, ask: Callable[[Any, Any], Any]
) -> None:
    sender, receiver = clients.sender("q"), clients.receiver("q")
    faults.add(servicebus.Throttle(where=at("q", operation)))
    with pytest.raises(ServiceBusServerBusyError):
        ask(sender, receiver)
    faults.clear()
    ask(sender, receiver)


def test_a_link_that_can_not_be_had(clients: Clients, faults: Faults) -> None:
    faults.add(servicebus.Throttle(where=at("other", "attach"), times=1))
    with pytest.raises(ServiceBusServerBusyError), clients.client.get_queue_sender("other") as one_:
        send(one_)
    with clients.client.get_queue_sender("other") as another:
        send(another)


def test_a_session_that_can_not_be_had(clients: Clients, faults: Faults) -> None:
    clients.sender("sessions").send_messages(ServiceBusMessage("m", session_id="s"))
    rule = servicebus.Throttle(
        where=servicebus.OperationWhere(operation="accept_session", session="s")
    )
    name = faults.add(rule)
    with (
        pytest.raises(ServiceBusServerBusyError),
        clients.client.get_queue_receiver("sessions", session_id="s"),
    ):
        pass
    assert faults.tally(name).struck == 1


def test_latency_keeps_the_order(clients: Clients, faults: Faults) -> None:
    sender, receiver = clients.sender("slow"), clients.receiver("slow")
    send(sender, "warm")
    receiver.complete_message(one(receiver))
    faults.add(servicebus.Latency(where=at("slow", "send"), seconds=seconds(0.3)))
    for text in ("1", "2"):
        send(sender, text)
    assert len(faults.last) == 2
    found = some(receiver, 2)
    assert [body(message) for message in found] == [b"1", b"2"]
    for message in found:
        receiver.complete_message(message)


def test_without_rules_nothing_is_asked(clients: Clients, faults: Faults) -> None:
    send(clients.sender("other"))
    assert not faults.armed
    assert faults.last == ()


def test_every_request_has_a_name_that_rules_can_use(emulator: Emulator) -> None:
    namespace = emulator.server.namespace
    settled = [{"disposition-status": each} for each in ("completed", "abandoned", "defered")]
    names = {
        management.Request(
            namespace=namespace,
            entity=namespace.receiving("q"),
            operation=f"com.microsoft:{operation}",
            body=dict(fields),
        ).counted_as
        for operation in management._OPERATIONS
        for fields in (settled if operation == "update-disposition" else [{}])
    }
    assert names <= SERVICEBUS
