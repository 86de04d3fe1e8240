"""What happens by itself: locks and lives run out, scheduled messages come, ids are forgotten."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from azure.servicebus import ServiceBusMessage, ServiceBusSubQueue
from azure.servicebus.exceptions import MessageLockLostError, ServiceBusError

from tests.contract.servicebus.clients import Clients, body, none, one, until

#: One emulator and its clients serve the whole module.
pytestmark = pytest.mark.xdist_group("servicebus time")
QUEUES = {
    "brief": {
        "LockDuration": "PT1S",
        "MaxDeliveryCount": 2,
        "DeadLetteringOnMessageExpiration": True,
    },
    "forgets": {"DefaultMessageTimeToLive": "PT1S"},
    "once": {
        "RequiresDuplicateDetection": True,
        "DuplicateDetectionHistoryTimeWindow": "PT1S",
    },
}
DEAD = ServiceBusSubQueue.DEAD_LETTER


def in_seconds(seconds: float) -> datetime:
    return datetime.now(UTC) + timedelta(seconds=seconds)


def test_a_lock_that_runs_out_counts_as_a_delivery(clients: Clients) -> None:
    clients.sender("brief").send_messages(ServiceBusMessage("slow"))
    receiver = clients.receiver("brief")
    first = one(receiver)
    second = one(receiver)
    assert (body(second), second.delivery_count) == (b"slow", 1)
    assert second.sequence_number == first.sequence_number
    with pytest.raises(MessageLockLostError):
        receiver.complete_message(first)
    with pytest.raises(MessageLockLostError):
        receiver.renew_message_lock(first)
    receiver.complete_message(second)


def test_lost_locks_end_in_the_dead_letter_queue(clients: Clients) -> None:
    clients.sender("brief").send_messages(ServiceBusMessage("stuck"))
    receiver, dead = clients.receiver("brief"), clients.receiver("brief", sub_queue=DEAD)
    one(receiver)
    one(receiver)  # after the first lock's end, as the next line after the second's
    message = one(dead)
    assert message.dead_letter_reason == "MaxDeliveryCountExceeded"
    dead.complete_message(message)


def test_a_renewed_lock_lasts_longer(clients: Clients) -> None:
    clients.sender("brief").send_messages(ServiceBusMessage("kept"))
    receiver = clients.receiver("brief")
    message = one(receiver)
    end = message.locked_until_utc
    assert end
    while datetime.now(UTC) < end + timedelta(seconds=0.2):
        receiver.renew_message_lock(message)
    receiver.complete_message(message)
    assert receiver.peek_messages() == []


def test_a_message_that_expires_becomes_a_dead_letter(clients: Clients) -> None:
    message = ServiceBusMessage("old", time_to_live=timedelta(seconds=0.3))
    clients.sender("brief").send_messages(message)
    dead = clients.receiver("brief", sub_queue=DEAD)
    found = one(dead)
    assert (body(found), found.dead_letter_reason) == (b"old", "TTLExpiredException")
    dead.complete_message(found)


def test_a_message_that_expires_is_gone(clients: Clients) -> None:
    clients.sender("forgets").send_messages(ServiceBusMessage("gone"))
    receiver = clients.receiver("forgets")
    assert len(receiver.peek_messages()) == 1
    until(lambda: not receiver.peek_messages())
    with clients.client.get_queue_receiver("forgets", sub_queue=DEAD) as dead:
        assert dead.peek_messages() == []


def test_a_scheduled_message_comes_in_time(clients: Clients) -> None:
    receiver = clients.receiver("brief")
    (number,) = clients.sender("brief").schedule_messages(
        ServiceBusMessage("soon"), in_seconds(0.8)
    )
    (seen,) = receiver.peek_messages()
    assert (seen.sequence_number, seen.state) == (number, 2)
    assert none(receiver)
    due = seen.scheduled_enqueue_time_utc
    message = one(receiver)
    assert due
    assert datetime.now(UTC) >= due
    assert body(message) == b"soon"
    receiver.complete_message(message)


def test_a_plain_send_may_be_scheduled_too(clients: Clients) -> None:
    receiver = clients.receiver("brief")
    soon = ServiceBusMessage("soon", scheduled_enqueue_time_utc=in_seconds(0.5))
    clients.sender("brief").send_messages([soon, ServiceBusMessage("now")])
    for expected in (b"now", b"soon"):
        message = one(receiver)
        assert body(message) == expected
        receiver.complete_message(message)


def test_a_scheduled_message_can_be_cancelled_once(clients: Clients) -> None:
    sender, receiver = clients.sender("brief"), clients.receiver("brief")
    numbers = sender.schedule_messages(
        [ServiceBusMessage("a"), ServiceBusMessage("b")], in_seconds(60)
    )
    sender.cancel_scheduled_messages(numbers)
    assert receiver.peek_messages() == []
    with pytest.raises(ServiceBusError):
        sender.cancel_scheduled_messages(numbers)


def _send_twice(clients: Clients) -> None:
    for _ in range(2):
        clients.sender("once").send_messages(ServiceBusMessage("x", message_id="same"))


def _batch_with_twins(clients: Clients) -> None:
    twins = [ServiceBusMessage("x", message_id="twin") for _ in range(2)]
    clients.sender("once").send_messages(twins)


@pytest.mark.parametrize("send", [_send_twice, _batch_with_twins])
def test_an_id_is_taken_once(clients: Clients, send: Callable[[Clients], None]) -> None:
    send(clients)
    receiver = clients.receiver("once")
    receiver.complete_message(one(receiver))
    assert receiver.peek_messages() == []


def test_an_id_is_forgotten_after_its_window(clients: Clients) -> None:
    sender, receiver = clients.sender("once"), clients.receiver("once")

    def taken() -> bool:
        sender.send_messages(ServiceBusMessage("x", message_id="again"))
        return bool(receiver.peek_messages())

    assert taken()
    receiver.complete_message(one(receiver))
    assert not taken()
    until(taken)
    receiver.complete_message(one(receiver))
