"""Sending: what is refused and how, scheduled batches, keys that messages are grouped by."""

from datetime import UTC, datetime, timedelta

import pytest
from azure.servicebus import ServiceBusMessage, ServiceBusMessageState, ServiceBusReceiver
from azure.servicebus.exceptions import (
    MessageNotFoundError,
    MessagingEntityNotFoundError,
    ServiceBusError,
    SessionCannotBeLockedError,
)

from tests.contract.servicebus.clients import Clients, body, one, some

#: One emulator and its clients serve the whole module.
pytestmark = pytest.mark.xdist_group("servicebus sending")
QUEUES = {"plain": {}, "steps": {"RequiresSession": True}, "once": {}}
LATER = datetime(2100, 1, 1, tzinfo=UTC)


def test_many_messages_are_scheduled_and_cancelled_together(clients: Clients) -> None:
    sender, receiver = clients.sender("plain"), clients.receiver("plain")
    messages = [ServiceBusMessage(str(number)) for number in range(20)]
    numbers = sender.schedule_messages(messages, LATER)
    assert len(set(numbers)) == 20
    assert numbers == sorted(numbers)
    seen = receiver.peek_messages(50, sequence_number=1)
    assert [message.sequence_number for message in seen] == numbers
    assert {message.state for message in seen} == {ServiceBusMessageState.SCHEDULED}
    sender.cancel_scheduled_messages(numbers[:10])
    assert len(receiver.peek_messages(50, sequence_number=1)) == 10
    # None is cancelled when one of them can't be.
    with pytest.raises(MessageNotFoundError):
        sender.cancel_scheduled_messages([numbers[0], numbers[15]])
    assert len(receiver.peek_messages(50, sequence_number=1)) == 10
    sender.cancel_scheduled_messages(numbers[10:])
    assert sender.schedule_messages([], LATER) == []


def test_what_was_scheduled_comes_with_numbers_of_its_own(clients: Clients) -> None:
    sender, receiver = clients.sender("plain"), clients.receiver("plain")
    soon = datetime.now(UTC) + timedelta(seconds=0.7)
    numbers = sender.schedule_messages([ServiceBusMessage("a"), ServiceBusMessage("b")], soon)
    found = some(receiver, 2)
    for message, number in zip(found, numbers, strict=True):
        assert message.state == ServiceBusMessageState.ACTIVE
        assert message.enqueued_sequence_number == number
        assert (message.sequence_number or 0) > number
        assert message.enqueued_time_utc
        assert message.enqueued_time_utc >= soon - timedelta(milliseconds=1)
        receiver.complete_message(message)


def test_a_time_in_the_past_is_now(clients: Clients) -> None:
    past = datetime(2020, 1, 1, tzinfo=UTC)
    clients.sender("plain").schedule_messages(ServiceBusMessage("now"), past)
    receiver = clients.receiver("plain")
    message = one(receiver)
    assert message.state == ServiceBusMessageState.ACTIVE
    receiver.complete_message(message)


def test_scheduled_messages_of_a_session(clients: Clients) -> None:
    sender = clients.sender("steps")
    with pytest.raises(ServiceBusError, match="session"):
        sender.schedule_messages(ServiceBusMessage("none"), LATER)
    soon = datetime.now(UTC) + timedelta(seconds=0.5)
    sender.schedule_messages(ServiceBusMessage("x", session_id="s"), soon)
    with clients.client.get_queue_receiver("steps", session_id="s") as receiver:
        message = one(receiver)
        assert (body(message), message.session_id) == (b"x", "s")
        receiver.complete_message(message)


def test_a_partition_key_is_kept(clients: Clients) -> None:
    clients.sender("plain").send_messages(ServiceBusMessage("x", partition_key="p"))
    receiver = clients.receiver("plain")
    message = one(receiver)
    assert (message.partition_key, message.session_id) == ("p", None)
    receiver.complete_message(message)
    with pytest.raises(ValueError, match="partition"):
        ServiceBusMessage("x", partition_key="p", session_id="s")


def test_numbers_rise_in_the_order_of_sending(clients: Clients) -> None:
    sender, receiver = clients.sender("plain"), clients.receiver("plain")
    sender.send_messages(ServiceBusMessage("0"))
    sender.send_messages([ServiceBusMessage(str(number)) for number in range(1, 10)])
    found = some(receiver, 10)
    numbers = [message.sequence_number or 0 for message in found]
    assert [str(message) for message in found] == [str(number) for number in range(10)]
    assert numbers == list(range(numbers[0], numbers[0] + 10))
    for message in found:
        receiver.complete_message(message)


def test_an_unknown_entity_is_not_found(clients: Clients) -> None:
    client = clients.client
    with (
        pytest.raises(MessagingEntityNotFoundError, match="nowhere"),
        client.get_queue_sender("nowhere") as sender,
    ):
        sender.send_messages(ServiceBusMessage("x"))
    with (
        pytest.raises(MessagingEntityNotFoundError, match="nowhere"),
        client.get_queue_receiver("nowhere") as receiver,
    ):
        receiver.receive_messages(1, max_wait_time=1)


def test_a_taken_session_can_not_be_locked(clients: Clients) -> None:
    def take() -> ServiceBusReceiver:
        return clients.client.get_queue_receiver("steps", session_id="taken")

    with take() as first:
        assert first.session.session_id == "taken"
        with pytest.raises(SessionCannotBeLockedError), take() as second:
            second.receive_messages(1, max_wait_time=1)
        # The first one has lost nothing by it.
        first.session.set_state(b"mine")
        first.session.set_state(None)
    with take() as third:
        assert not third.session.get_state()


def test_a_missing_deferred_message_is_not_found(clients: Clients) -> None:
    with pytest.raises(MessageNotFoundError):
        clients.receiver("plain").receive_deferred_messages([4711])


def test_nothing_to_send_sends_nothing(clients: Clients) -> None:
    sender = clients.sender("once")
    sender.send_messages([])
    sender.send_messages(sender.create_message_batch())
    assert clients.receiver("once").peek_messages() == []
