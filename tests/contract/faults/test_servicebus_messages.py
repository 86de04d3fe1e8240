"""What befalls messages on their way: late, twice, or with a lock that is lost."""

import pytest
from azure.servicebus import NEXT_AVAILABLE_SESSION, ServiceBusMessage
from azure.servicebus.exceptions import MessageLockLostError, SessionLockLostError

from retrain.local.faults import Faults, Plan, seconds, servicebus
from tests.contract.servicebus.clients import Clients, body, one, until
from tests.contract.servicebus.emulator import Emulator

QUEUES = {
    "locks": {},
    "twice": {"RequiresDuplicateDetection": True},
    "late": {},
    "sessions": {"RequiresSession": True},
    "inside": {},
    "acts": {},
}


def at(entity: str, session: str | None = None) -> servicebus.EntityWhere:
    return servicebus.EntityWhere(entity=entity, session=session)


def test_a_lost_lock_is_the_sdks_own_error_and_the_message_comes_again(
    clients: Clients, faults: Faults
) -> None:
    faults.add(servicebus.LostLock(where=at("locks"), times=1))
    receiver = clients.receiver("locks")
    clients.sender("locks").send_messages(ServiceBusMessage("m"))
    lost = one(receiver)
    with pytest.raises(MessageLockLostError):
        receiver.complete_message(lost)
    again = one(receiver)
    assert (again.sequence_number, again.delivery_count) == (lost.sequence_number, 1)
    receiver.complete_message(again)


def test_a_lost_session_is_the_sdks_own_error_and_can_be_accepted_again(
    clients: Clients, faults: Faults
) -> None:
    faults.add(servicebus.LostLock(where=at("sessions", "s-*"), times=1))
    clients.sender("sessions").send_messages(ServiceBusMessage("m", session_id="s-1"))
    with clients.client.get_queue_receiver(
        "sessions", session_id=NEXT_AVAILABLE_SESSION
    ) as receiver:
        message = one(receiver)
        until(lambda: bool(faults.last))
        with pytest.raises((SessionLockLostError, MessageLockLostError)):
            receiver.complete_message(message)
    with clients.client.get_queue_receiver("sessions", session_id="s-1") as receiver:
        again = one(receiver)
        assert again.delivery_count == 1
        receiver.complete_message(again)


def test_a_completed_message_comes_twice_even_where_duplicates_are_detected(
    clients: Clients, faults: Faults
) -> None:
    name = faults.add(servicebus.Duplicate(where=at("twice"), times=1))
    receiver = clients.receiver("twice")
    clients.sender("twice").send_messages(ServiceBusMessage("m", message_id="1"))
    seen = []
    for _ in range(2):
        message = one(receiver)
        seen.append((body(message), message.message_id, message.delivery_count))
        receiver.complete_message(message)
    assert seen == [(b"m", "1", 0), (b"m", "1", 1)]
    assert faults.tally(name).matches == 2
    assert not receiver.peek_messages(1)


def test_a_late_message_is_overtaken(clients: Clients, faults: Faults) -> None:
    faults.add(servicebus.Late(where=at("late"), seconds=seconds(1), times=1))
    sender, receiver = clients.sender("late"), clients.receiver("late")
    for text in ("first", "second"):
        sender.send_messages(ServiceBusMessage(text))
    seen = []
    for _ in range(2):
        message = one(receiver)
        seen.append(body(message))
        receiver.complete_message(message)
    assert seen == [b"second", b"first"]


def test_faults_befall_a_listener_in_the_same_process_too(
    emulator: Emulator, clients: Clients, faults: Faults
) -> None:
    """The Functions host of the local stack is one."""
    faults.add(servicebus.Duplicate(where=at("inside"), times=1))
    clients.sender("inside").send_messages(ServiceBusMessage("m"))

    async def receive() -> list[int]:
        listener = emulator.server.listener("inside")
        counts = []
        for _ in range(2):
            delivery = await listener.next()
            counts.append(delivery.delivery_count)
            await delivery.complete()
        return counts

    assert emulator.do(receive()) == [1, 2]


def test_chance_repeats_itself(clients: Clients, faults: Faults) -> None:
    """With the same seed and rule the same completions are in vain."""
    receiver, sender = clients.receiver("acts"), clients.sender("acts")
    rule = servicebus.Duplicate(name="half", where=at("acts"), probability=0.5)
    histories = []
    for _ in range(2):
        faults.replace(Plan(3, (rule,)))
        tally = faults.tally("half")
        for number in range(6):
            sender.send_messages(ServiceBusMessage(str(number)))
        while tally.matches - tally.struck < 6:
            receiver.complete_message(one(receiver))
        assert not receiver.peek_messages(1)
        histories.append([strike.match for strike in faults.last])
    assert histories[0] == histories[1] != []
