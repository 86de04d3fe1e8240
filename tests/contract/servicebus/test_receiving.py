"""How a receiver takes what there is: ahead, in parts, one by one, and what it leaves behind."""

import threading

import pytest
from azure.servicebus import (
    ServiceBusClient,
    ServiceBusMessage,
    ServiceBusReceiveMode,
    ServiceBusSubQueue,
)

from tests.contract.servicebus.clients import Clients, body, none, one, some, until
from tests.contract.servicebus.emulator import Emulator

#: One emulator and its clients serve the whole module.
pytestmark = pytest.mark.xdist_group("servicebus receiving")
QUEUES = {
    "plain": {},
    "ahead": {},
    "closed": {},
    "removed": {},
    "iterated": {},
    "steps": {"RequiresSession": True},
}
REMOVES = ServiceBusReceiveMode.RECEIVE_AND_DELETE


def send(clients: Clients, queue: str, count: int, session: str | None = None) -> None:
    messages = [ServiceBusMessage(str(number), session_id=session) for number in range(count)]
    clients.sender(queue).send_messages(messages)


def locked(emulator: Emulator, queue: str) -> int:
    async def count() -> int:
        found = emulator.server.listener(queue)._queue
        return sum(message.lock is not None for message in found.messages.values())

    return emulator.do(count())


def test_no_more_come_than_were_asked_for(clients: Clients, emulator: Emulator) -> None:
    send(clients, "plain", 10)
    receiver = clients.receiver("plain")
    first = receiver.receive_messages(4, max_wait_time=5)
    assert 1 <= len(first) <= 4
    assert locked(emulator, "plain") == len(first)
    for message in (*first, *some(receiver, 10 - len(first))):
        receiver.complete_message(message)


def test_a_wait_ends_with_nothing(clients: Clients) -> None:
    assert none(clients.receiver("plain"), 0.1)


def test_a_wait_ends_when_a_message_comes(clients: Clients) -> None:
    receiver = clients.receiver("plain")
    sender = clients.sender("plain")
    timer = threading.Timer(0.3, lambda: sender.send_messages(ServiceBusMessage("late")))
    timer.start()
    message = one(receiver, 30)
    timer.join()
    assert body(message) == b"late"
    receiver.complete_message(message)


def test_messages_are_fetched_ahead(clients: Clients, emulator: Emulator) -> None:
    send(clients, "ahead", 30)
    with clients.client.get_queue_receiver("ahead", prefetch_count=20) as receiver:
        first = one(receiver)
        until(lambda: locked(emulator, "ahead") >= 20)
        receiver.complete_message(first)
        rest = some(receiver, 29)
        assert [body(message) for message in rest] == [b"%d" % number for number in range(1, 30)]
        for message in rest:
            receiver.complete_message(message)


def test_what_was_fetched_ahead_and_not_used_goes_back_uncounted(
    clients: Clients, emulator: Emulator
) -> None:
    send(clients, "ahead", 30)
    with clients.client.get_queue_receiver("ahead", prefetch_count=20) as receiver:
        receiver.complete_message(one(receiver))
    receiver = clients.receiver("ahead")
    rest = some(receiver, 29)
    assert {message.delivery_count for message in rest} == {0}
    for message in rest:
        receiver.complete_message(message)


@pytest.mark.parametrize("mode", [ServiceBusReceiveMode.PEEK_LOCK, REMOVES])
def test_a_receiver_is_iterated_until_nothing_comes(
    clients: Clients, mode: ServiceBusReceiveMode
) -> None:
    # A queue of its own: a receiver that other tests share may still have credit for the first.
    send(clients, "iterated", 5)
    found = []
    with clients.client.get_queue_receiver(
        "iterated", max_wait_time=3, receive_mode=mode
    ) as receiver:
        for message in receiver:
            found.append(str(message))
            if mode is not REMOVES:
                receiver.complete_message(message)
    assert found == ["0", "1", "2", "3", "4"]
    assert clients.receiver("iterated").peek_messages(sequence_number=1) == []


def test_a_session_is_iterated(clients: Clients) -> None:
    send(clients, "steps", 3, "s")
    send(clients, "steps", 1, "t")
    with clients.client.get_queue_receiver(
        "steps", session_id="s", max_wait_time=3, prefetch_count=10
    ) as receiver:
        found = []
        for message in receiver:
            found.append(str(message))
            receiver.complete_message(message)
    assert found == ["0", "1", "2"]


def test_closing_in_the_middle_loses_nothing(clients: Clients) -> None:
    send(clients, "closed", 50)
    receiver = clients.client.get_queue_receiver("closed", prefetch_count=50)
    with receiver:
        taken = []
        for message in receiver:
            receiver.complete_message(message)
            taken.append(str(message))
            if len(taken) == 10:
                break
    with pytest.raises(ValueError, match="shutdown"):
        receiver.receive_messages(1)
    other = clients.receiver("closed")
    rest = some(other, 40)
    assert sorted(taken + [str(message) for message in rest], key=int) == [
        str(number) for number in range(50)
    ]
    for message in rest:
        other.complete_message(message)


def test_what_is_removed_when_received_can_not_be_settled(clients: Clients) -> None:
    send(clients, "removed", 2)
    sender = clients.sender("removed")
    with clients.client.get_queue_receiver("removed", receive_mode=REMOVES) as receiver:
        first, second = some(receiver, 2)
        assert (first.lock_token, first.locked_until_utc) == (None, None)
        for settle in (receiver.complete_message, receiver.renew_message_lock):
            with pytest.raises(ValueError, match="RECEIVE_AND_DELETE"):
                settle(second)
        # Deferred messages too are gone when they come.
        sender.send_messages(ServiceBusMessage("later"))
        keeper = clients.receiver("removed")
        message = one(keeper)
        keeper.defer_message(message)
        (found,) = receiver.receive_deferred_messages(message.sequence_number or 0)
        assert body(found) == b"later"
        assert receiver.peek_messages(sequence_number=1) == []


def test_dead_letters_are_removed_when_received(clients: Clients) -> None:
    clients.sender("removed").send_messages(ServiceBusMessage("bad"))
    receiver = clients.receiver("removed")
    receiver.dead_letter_message(one(receiver))
    with clients.client.get_queue_receiver(
        "removed", sub_queue=ServiceBusSubQueue.DEAD_LETTER, receive_mode=REMOVES
    ) as dead:
        message = one(dead)
        assert (body(message), message.dead_letter_reason) == (b"bad", None)
        assert dead.peek_messages(sequence_number=1) == []


def test_no_transfers_are_dead_lettered(clients: Clients) -> None:
    with clients.client.get_queue_receiver(
        "plain", sub_queue=ServiceBusSubQueue.TRANSFER_DEAD_LETTER
    ) as receiver:
        assert receiver.peek_messages() == []
        assert none(receiver)


def test_all_handlers_of_a_client_close_with_it(clients: Clients, emulator: Emulator) -> None:
    before = emulator.server.connections
    client = ServiceBusClient.from_connection_string(emulator.connection_string)
    with client:
        sender, receiver = client.get_queue_sender("plain"), client.get_queue_receiver("plain")
        sender.send_messages(ServiceBusMessage("x"))
        receiver.complete_message(one(receiver))
        assert emulator.server.connections == before + 2
    until(lambda: emulator.server.connections == before)
    with pytest.raises(ValueError, match="shutdown"):
        sender.send_messages(ServiceBusMessage("y"))
