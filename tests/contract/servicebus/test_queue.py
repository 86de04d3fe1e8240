"""Sending to a queue and settling what comes out of it, with the unmodified SDK."""

import pytest
from azure.servicebus import (
    ServiceBusMessage,
    ServiceBusMessageBatch,
    ServiceBusReceiveMode,
    ServiceBusSubQueue,
)
from azure.servicebus.exceptions import MessageAlreadySettled, MessageSizeExceededError

from tests.contract.servicebus.clients import Clients, body, none, one, some
from tests.contract.servicebus.emulator import Emulator

#: One emulator and its clients serve the whole module.
pytestmark = pytest.mark.xdist_group("servicebus queue")
QUEUES = {"plain": {"LockDuration": "PT1M", "MaxDeliveryCount": 3}}
DEAD = ServiceBusSubQueue.DEAD_LETTER


def test_a_message_arrives_with_all_that_it_carries(clients: Clients) -> None:
    sent = ServiceBusMessage(
        b"\x00body",
        message_id="m1",
        content_type="application/json",
        correlation_id="c1",
        subject="s1",
        reply_to="r1",
        to="t1",
        application_properties={"text": "x", "whole": 7, "part": 1.5, "yes": True, "raw": b"b"},
    )
    clients.sender("plain").send_messages(sent)
    receiver = clients.receiver("plain")
    message = one(receiver)
    assert body(message) == b"\x00body"
    assert (message.message_id, message.content_type) == ("m1", "application/json")
    assert (message.correlation_id, message.subject) == ("c1", "s1")
    assert (message.reply_to, message.to) == ("r1", "t1")
    assert message.application_properties == {
        b"text": b"x",
        b"whole": 7,
        b"part": 1.5,
        b"yes": True,
        b"raw": b"b",
    }
    assert message.delivery_count == 0
    assert message.sequence_number
    assert message.enqueued_time_utc
    assert message.locked_until_utc
    receiver.complete_message(message)
    assert receiver.peek_messages() == []
    with pytest.raises(MessageAlreadySettled):
        receiver.complete_message(message)


def test_bodies_of_every_kind(clients: Clients) -> None:
    sender, receiver = clients.sender("plain"), clients.receiver("plain")
    sender.send_messages([ServiceBusMessage("text"), ServiceBusMessage(b"")])
    sender.send_messages(ServiceBusMessage(b"x" * 200_000))  # many frames
    found = some(receiver, 3)
    assert [body(message) for message in found] == [b"text", b"", b"x" * 200_000]
    for message in found:
        receiver.complete_message(message)


def test_a_batch_arrives_in_order(clients: Clients) -> None:
    sender, receiver = clients.sender("plain"), clients.receiver("plain")
    batch = sender.create_message_batch()
    for number in range(50):
        batch.add_message(ServiceBusMessage(str(number), message_id=f"b{number}"))
    sender.send_messages(batch)
    found = some(receiver, 50)
    assert [body(message) for message in found] == [str(n).encode() for n in range(50)]
    numbers = [message.sequence_number or 0 for message in found]
    assert numbers == sorted(set(numbers))
    for message in found:
        receiver.complete_message(message)


def test_a_batch_says_when_it_is_full(clients: Clients) -> None:
    batch: ServiceBusMessageBatch = clients.sender("plain").create_message_batch()
    large = ServiceBusMessage(b"x" * 100_000)

    def fill() -> None:
        for _ in range(20):
            batch.add_message(large)

    with pytest.raises(MessageSizeExceededError):
        fill()


def test_an_abandoned_message_comes_again_and_is_counted(clients: Clients) -> None:
    clients.sender("plain").send_messages(ServiceBusMessage("again"))
    receiver = clients.receiver("plain")
    receiver.abandon_message(one(receiver))
    message = one(receiver)
    assert (body(message), message.delivery_count) == (b"again", 1)
    receiver.complete_message(message)


def test_too_many_deliveries_make_a_dead_letter(clients: Clients) -> None:
    clients.sender("plain").send_messages(ServiceBusMessage("poison", message_id="p"))
    receiver = clients.receiver("plain")
    for _ in range(3):
        receiver.abandon_message(one(receiver))
    dead = clients.receiver("plain", sub_queue=DEAD)
    message = one(dead)
    assert (body(message), message.message_id) == (b"poison", "p")
    assert message.dead_letter_reason == "MaxDeliveryCountExceeded"
    dead.complete_message(message)
    assert receiver.peek_messages() == []


def test_a_dead_letter_tells_why(clients: Clients) -> None:
    sent = ServiceBusMessage("bad", application_properties={"mine": 1})
    clients.sender("plain").send_messages(sent)
    receiver, dead = clients.receiver("plain"), clients.receiver("plain", sub_queue=DEAD)
    receiver.dead_letter_message(one(receiver), reason="Odd", error_description="It is odd.")
    message = one(dead)
    assert message.dead_letter_reason == "Odd"
    assert message.dead_letter_error_description == "It is odd."
    assert (message.application_properties or {})[b"mine"] == 1
    dead.complete_message(message)


def test_a_deferred_message_waits_for_its_number(clients: Clients) -> None:
    sender, receiver = clients.sender("plain"), clients.receiver("plain")
    sender.send_messages([ServiceBusMessage("later"), ServiceBusMessage("now")])
    later = one(receiver)
    receiver.defer_message(later)
    receiver.complete_message(one(receiver))
    assert later.sequence_number
    (found,) = receiver.receive_deferred_messages(later.sequence_number)
    assert body(found) == b"later"
    receiver.complete_message(found)
    assert receiver.peek_messages() == []


def test_receive_and_delete(clients: Clients) -> None:
    clients.sender("plain").send_messages([ServiceBusMessage("a"), ServiceBusMessage("b")])
    receiver = clients.client.get_queue_receiver(
        "plain", receive_mode=ServiceBusReceiveMode.RECEIVE_AND_DELETE
    )
    with receiver:
        assert [body(message) for message in some(receiver, 2)] == [b"a", b"b"]
        assert receiver.peek_messages() == []


def test_peeking_takes_nothing(clients: Clients) -> None:
    sender, receiver = clients.sender("plain"), clients.receiver("plain")
    sender.send_messages([ServiceBusMessage(str(n)) for n in range(5)])
    first = receiver.peek_messages(2)
    assert first[-1].sequence_number
    rest = receiver.peek_messages(10, sequence_number=first[-1].sequence_number + 1)
    assert [str(message) for message in (*first, *rest)] == list("01234")
    for message in some(receiver, 5):
        assert message.delivery_count == 0
        receiver.complete_message(message)


def test_a_lock_is_renewed(clients: Clients) -> None:
    clients.sender("plain").send_messages(ServiceBusMessage("mine"))
    receiver = clients.receiver("plain")
    message = one(receiver)
    before = message.locked_until_utc
    after = receiver.renew_message_lock(message)
    assert before
    assert after >= before  # both may fall into one millisecond
    receiver.complete_message(message)


def test_what_a_receiver_did_not_settle_stays_locked(clients: Clients) -> None:
    clients.sender("plain").send_messages(ServiceBusMessage("held"))
    with clients.client.get_queue_receiver("plain") as first:
        held = one(first)
        receiver = clients.receiver("plain")
        assert none(receiver)
        first.complete_message(held)
    assert receiver.peek_messages() == []


def test_operations_are_counted(clients: Clients, emulator: Emulator) -> None:
    before = emulator.server.calls.copy()
    clients.sender("plain").send_messages(ServiceBusMessage("one"))
    receiver = clients.receiver("plain")
    receiver.complete_message(one(receiver))
    grown = emulator.server.calls - before
    assert (grown["send"], grown["receive"], grown["complete"]) == (1, 1, 1)
