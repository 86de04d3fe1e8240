"""Sessions: one receiver at a time has one, in order, with a lock and a state of its own."""

from collections.abc import Iterator

import pytest
from azure.servicebus import NEXT_AVAILABLE_SESSION, ServiceBusMessage, ServiceBusReceiver
from azure.servicebus.exceptions import (
    OperationTimeoutError,
    ServiceBusError,
    SessionCannotBeLockedError,
    SessionLockLostError,
)

from tests.contract.servicebus.clients import Clients, body, none, one, some
from tests.contract.servicebus.emulator import Emulator

#: One emulator and its clients serve the whole module.
pytestmark = pytest.mark.xdist_group("servicebus sessions")
QUEUES = {
    "steps": {"RequiresSession": True, "LockDuration": "PT1M", "MaxDeliveryCount": 3},
    "brief": {"RequiresSession": True, "LockDuration": "PT1S"},
}


def send(clients: Clients, queue: str, session: str, *texts: str) -> None:
    messages = [ServiceBusMessage(text, session_id=session) for text in texts]
    clients.sender(queue).send_messages(messages)


@pytest.fixture(scope="module")
def first(clients: Clients) -> Iterator[ServiceBusReceiver]:
    """A receiver of session `one`."""
    with clients.client.get_queue_receiver("steps", session_id="one") as receiver:
        yield receiver


def test_a_named_session_gets_its_own_messages_in_order(
    clients: Clients, first: ServiceBusReceiver
) -> None:
    send(clients, "steps", "one", "1", "2", "3")
    send(clients, "steps", "other", "x")
    for expected in (b"1", b"2", b"3"):
        message = one(first)
        assert (body(message), message.session_id) == (expected, "one")
        first.complete_message(message)
    assert none(first)
    # An abandoned message comes before its followers.
    send(clients, "steps", "one", "4", "5")
    first.abandon_message(one(first))
    again = one(first)
    assert (body(again), again.delivery_count) == (b"4", 1)
    first.complete_message(again)
    first.complete_message(one(first))
    # The same session is not to be had by another, but the next available is.
    with (
        pytest.raises(SessionCannotBeLockedError),
        clients.client.get_queue_receiver("steps", session_id="one") as second,
    ):
        second.receive_messages(1, max_wait_time=1)
    with clients.client.get_queue_receiver(
        "steps", session_id=NEXT_AVAILABLE_SESSION, max_wait_time=5
    ) as second:
        message = one(second)
        assert (second.session.session_id, body(message)) == ("other", b"x")
        second.complete_message(message)


def test_state_and_lock_of_a_session(clients: Clients, first: ServiceBusReceiver) -> None:
    session = first.session
    assert session.get_state() in (None, b"")
    session.set_state(b"step 2")
    assert session.get_state() == b"step 2"
    before = session.locked_until_utc
    assert before
    assert session.renew_lock() >= before
    session.set_state(None)
    assert not session.get_state()


def test_deferred_messages_of_a_session(clients: Clients, first: ServiceBusReceiver) -> None:
    send(clients, "steps", "one", "later")
    message = one(first)
    first.defer_message(message)
    assert message.sequence_number
    (found,) = first.receive_deferred_messages(message.sequence_number)
    first.complete_message(found)
    assert first.peek_messages() == []


def test_closing_gives_back_what_was_not_settled(clients: Clients) -> None:
    send(clients, "steps", "left", "a", "b")
    with clients.client.get_queue_receiver("steps", session_id="left") as receiver:
        some(receiver, 2)
    with clients.client.get_queue_receiver("steps", session_id="left") as receiver:
        found = some(receiver, 2)
        assert [body(message) for message in found] == [b"a", b"b"]
        for message in found:
            receiver.complete_message(message)


def test_a_session_is_lost_when_its_lock_runs_out(clients: Clients) -> None:
    send(clients, "brief", "slow", "x")
    with clients.client.get_queue_receiver("brief", session_id="slow") as receiver:
        message = one(receiver)
        with clients.client.get_queue_receiver(
            "brief", session_id=NEXT_AVAILABLE_SESSION, max_wait_time=5
        ) as heir:
            again = one(heir)
            assert (body(again), again.delivery_count) == (b"x", 1)
            with pytest.raises(SessionLockLostError):
                receiver.complete_message(message)
            heir.complete_message(again)


def test_no_session_is_available(clients: Clients) -> None:
    receiver = clients.client.get_queue_receiver(
        "brief", session_id=NEXT_AVAILABLE_SESSION, max_wait_time=0.5
    )
    with pytest.raises(OperationTimeoutError), receiver:
        receiver.receive_messages(1)


def test_a_message_needs_a_session(clients: Clients, emulator: Emulator) -> None:
    with pytest.raises(ServiceBusError, match=r"(?i)session"):
        clients.sender("steps").send_messages(ServiceBusMessage("none"))
    # The link lives on, and nothing of a batch with one such message is taken.
    mixed = [ServiceBusMessage("a", session_id="mixed"), ServiceBusMessage("b")]
    with pytest.raises(ServiceBusError):
        clients.sender("steps").send_messages(mixed)
    send(clients, "steps", "mixed", "c")

    async def first_of_session() -> bytes:
        session = await emulator.server.listener("steps").next_session()
        delivery = await session.next(1)
        assert delivery
        await delivery.complete()
        await session.close()
        return delivery.body

    assert emulator.do(first_of_session()) == b"c"
