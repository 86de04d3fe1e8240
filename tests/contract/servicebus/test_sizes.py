"""Large messages both ways, and those that are too large."""

import random

import pytest
from azure.servicebus import ServiceBusMessage, ServiceBusMessageBatch
from azure.servicebus.amqp import AmqpAnnotatedMessage
from azure.servicebus.exceptions import MessageSizeExceededError

from tests.contract.servicebus.clients import Clients, body, one, some
from tests.contract.servicebus.emulator import Emulator

#: One emulator and its clients serve the whole module.
pytestmark = pytest.mark.xdist_group("servicebus sizes")
QUEUES = {
    "standard": {},
    "premium": {"MaxMessageSizeInKilobytes": 1024},
    "standard-filled": {},
    "premium-filled": {"MaxMessageSizeInKilobytes": 1024},
    "large": {"MaxMessageSizeInKilobytes": 102_400},
    "steps": {"MaxMessageSizeInKilobytes": 10_240, "RequiresSession": True},
}


@pytest.mark.parametrize("megabytes", [1, 5, 30])
def test_a_large_message_goes_and_comes_whole(clients: Clients, megabytes: int) -> None:
    content = random.Random(megabytes).randbytes(megabytes << 20)
    clients.sender("large").send_messages(ServiceBusMessage(content))
    receiver = clients.receiver("large")
    message = one(receiver, 60)
    assert body(message) == content
    receiver.abandon_message(message)
    message = one(receiver, 60)
    assert message.delivery_count == 1
    receiver.defer_message(message)
    (message,) = receiver.receive_deferred_messages(message.sequence_number or 0)
    assert body(message) == content
    receiver.dead_letter_message(message, reason="Large")
    dead = clients.receiver("large", sub_queue="deadletter")
    message = one(dead, 60)
    assert body(message) == content
    dead.complete_message(message)


def test_large_and_small_ones_keep_their_order(clients: Clients) -> None:
    sender, receiver = clients.sender("large"), clients.receiver("large", prefetch_count=20)
    sizes = [10, 2_000_000, 0, 700_000, 5, 65_500, 65_536, 262_144, 1]
    for size in sizes:
        sender.send_messages(ServiceBusMessage(b"x" * size))
    found = some(receiver, len(sizes))
    assert [len(body(message)) for message in found] == sizes
    for message in found:
        receiver.complete_message(message)


def test_a_large_message_of_a_session(clients: Clients) -> None:
    sent = ServiceBusMessage(b"x" * 3_000_000, session_id="s")
    clients.sender("steps").send_messages(sent)
    with clients.client.get_queue_receiver("steps", session_id="s") as receiver:
        receiver.session.set_state(b"s" * 200_000)
        message = one(receiver, 30)
        assert len(body(message)) == 3_000_000
        assert receiver.session.get_state() == b"s" * 200_000
        receiver.session.set_state(None)
        receiver.complete_message(message)


LIMITS = {"standard": 262_144, "premium": 1_048_576}
#: Queues that nobody receives from.
FILLED = {"standard-filled": 262_144, "premium-filled": 1_048_576}


@pytest.mark.parametrize(("queue", "limit"), LIMITS.items(), ids=LIMITS)
def test_the_limit_is_for_all_of_a_message(clients: Clients, queue: str, limit: int) -> None:
    sender, receiver = clients.sender(queue), clients.receiver(queue)
    fits = AmqpAnnotatedMessage(data_body=b"x" * (limit - 200))
    sender.send_messages(fits)
    message = one(receiver)
    assert len(body(message)) == limit - 200
    receiver.complete_message(message)
    for too_large in (
        ServiceBusMessage(b"x" * limit),
        ServiceBusMessage(b"x" * 3 * limit),
        ServiceBusMessage(
            b"x" * (limit - 1000), application_properties={str(n): "x" * 200 for n in range(10)}
        ),
    ):
        with pytest.raises(MessageSizeExceededError, match=rf"limit \({limit} bytes\)"):
            sender.send_messages(too_large)
    # The sender goes on.
    sender.send_messages(ServiceBusMessage("fine"))
    message = one(receiver)
    assert body(message) == b"fine"
    receiver.complete_message(message)


def full_batch(batch: ServiceBusMessageBatch, size: int) -> int:
    """Add messages of the size until no more fit; how many did."""
    count = 0
    while True:
        try:
            batch.add_message(ServiceBusMessage(b"x" * size))
        except MessageSizeExceededError:
            return count
        count += 1


@pytest.mark.parametrize("size", [100, 255, 256, 1000, 50_000])
@pytest.mark.parametrize(("queue", "limit"), FILLED.items(), ids=LIMITS)
def test_a_batch_that_the_sdk_finds_full_is_taken(
    clients: Clients, emulator: Emulator, queue: str, limit: int, size: int
) -> None:
    before = emulator.call(lambda namespace: namespace.counts(queue)).active
    sender = clients.sender(queue)
    batch = sender.create_message_batch()
    assert batch.max_size_in_bytes == limit
    count = full_batch(batch, size)
    assert batch.size_in_bytes > limit - size - 100
    sender.send_messages(batch)
    after = emulator.call(lambda namespace: namespace.counts(queue)).active
    assert after - before == count


def test_no_batch_is_larger_than_a_megabyte(clients: Clients) -> None:
    sender = clients.sender("large")
    assert sender.create_message_batch().max_size_in_bytes == 1 << 20
    with pytest.raises(ValueError, match="too large"):
        sender.create_message_batch((1 << 20) + 1)
    # As if the SDK did not know.
    sender._max_batch_size_on_link = 10 << 20
    batch = sender.create_message_batch()
    for _ in range(2):
        batch.add_message(ServiceBusMessage(b"x" * 600_000))
    with pytest.raises(MessageSizeExceededError, match=r"limit \(1048576 bytes\)"):
        sender.send_messages(batch)
    sender._max_batch_size_on_link = 1 << 20
    assert clients.receiver("large").peek_messages(sequence_number=1) == []


def test_a_list_that_fits_no_batch_is_refused_whole(clients: Clients) -> None:
    messages = [ServiceBusMessage(b"x" * 100_000) for _ in range(5)]
    with pytest.raises(MessageSizeExceededError):
        clients.sender("standard").send_messages(messages)
    assert clients.receiver("standard").peek_messages(sequence_number=1) == []
