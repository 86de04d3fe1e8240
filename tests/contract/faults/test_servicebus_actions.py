"""What the control endpoint does to Service Bus at once."""

from typing import Any

import pytest
from azure.servicebus import ServiceBusClient, ServiceBusMessage
from azure.servicebus.exceptions import MessageLockLostError

from retrain.local.faults import Faults
from shared.jobs import InvalidDocument, field_name
from tests.contract.servicebus.clients import Clients, one
from tests.contract.servicebus.emulator import Emulator

QUEUES: dict[str, dict[str, Any]] = {
    "links": {},
    "locks": {},
    "sessions": {"RequiresSession": True},
}


def act(emulator: Emulator, name: str, body: dict[str, Any]) -> dict[str, Any]:
    async def ask() -> dict[str, Any]:
        return dict(emulator.server.actions[name](body))

    return emulator.do(ask())


def test_links_are_closed_and_clients_come_back(emulator: Emulator) -> None:
    with (
        ServiceBusClient.from_connection_string(
            emulator.connection_string, retry_backoff_factor=0.01
        ) as client,
        client.get_queue_sender("links") as sender,
        client.get_queue_receiver("links") as receiver,
    ):
        sender.send_messages(ServiceBusMessage("1"))
        receiver.complete_message(one(receiver))
        assert act(emulator, "servicebus/close-links", {"entity": "LINKS"}) == {"links": 2}
        sender.send_messages(ServiceBusMessage("2"))
        receiver.complete_message(one(receiver))


def test_locks_are_lost(emulator: Emulator, clients: Clients) -> None:
    sender, receiver = clients.sender("locks"), clients.receiver("locks")
    sender.send_messages(ServiceBusMessage("1"))
    message = one(receiver)
    assert act(emulator, "servicebus/lose-locks", {"entity": "locks"}) == {"locks": 1}
    with pytest.raises(MessageLockLostError):
        receiver.complete_message(message)
    again = one(receiver)
    assert again.delivery_count == 1
    receiver.complete_message(again)


def test_sessions_are_lost(emulator: Emulator, clients: Clients, faults: Faults) -> None:
    sender = clients.sender("sessions")
    sender.send_messages(ServiceBusMessage("1", session_id="s"))
    with clients.client.get_queue_receiver("sessions", session_id="s") as receiver:
        one(receiver)
        assert act(emulator, "servicebus/lose-locks", {"entity": "sessions"})["locks"] == 1
        with clients.client.get_queue_receiver("sessions", session_id="s") as another:
            again = one(another)
            assert again.delivery_count == 1
            another.complete_message(again)


WRONG: dict[str, tuple[str, dict[str, Any], str]] = {
    "no entity": ("servicebus/close-links", {}, "entity"),
    "no such entity": ("servicebus/lose-locks", {"entity": "nowhere"}, "entity"),
    "an unknown field": ("servicebus/lose-locks", {"queue": "locks"}, "queue"),
}


@pytest.mark.parametrize(("name", "body", "field"), WRONG.values(), ids=WRONG)
def test_what_is_wrong_is_said_by_field(
    emulator: Emulator, name: str, body: dict[str, Any], field: str
) -> None:
    with pytest.raises(InvalidDocument) as caught:
        act(emulator, name, body)
    assert [field_name(each.field) for each in caught.value.problems] == [field]
