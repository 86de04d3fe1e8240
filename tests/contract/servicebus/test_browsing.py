"""Peeking: every state, every queue, nothing taken; and sessions listed."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from azure.servicebus import (
    ServiceBusMessage,
    ServiceBusMessageState,
    ServiceBusReceiver,
    ServiceBusSubQueue,
)
from azure.servicebus.exceptions import ServiceBusError

from tests.contract.servicebus.clients import Clients, body, one, some

#: One emulator and its clients serve the whole module.
pytestmark = pytest.mark.xdist_group("servicebus browsing")
QUEUES = {
    "states": {},
    "pages": {"MaxMessageSizeInKilobytes": 1024},
    "steps": {"RequiresSession": True},
    "listed": {"RequiresSession": True},
}
DEAD = ServiceBusSubQueue.DEAD_LETTER
LATER = datetime(2100, 1, 1, tzinfo=UTC)


def test_messages_in_every_state_are_seen_in_order(clients: Clients) -> None:
    sender, receiver = clients.sender("states"), clients.receiver("states")
    sender.send_messages([ServiceBusMessage(text) for text in ("locked", "deferred", "active")])
    (scheduled,) = sender.schedule_messages(ServiceBusMessage("scheduled"), LATER)
    locked = one(receiver)
    receiver.defer_message(one(receiver))
    found = receiver.peek_messages(10, sequence_number=1)
    assert [str(message) for message in found] == ["locked", "deferred", "active", "scheduled"]
    assert [message.state for message in found] == [
        ServiceBusMessageState.ACTIVE,
        ServiceBusMessageState.DEFERRED,
        ServiceBusMessageState.ACTIVE,
        ServiceBusMessageState.SCHEDULED,
    ]
    assert found[3].sequence_number == scheduled
    assert found[3].scheduled_enqueue_time_utc == LATER
    assert all(message.locked_until_utc is None for message in found)
    assert all(message.lock_token is None for message in found)
    with pytest.raises(ValueError, match="peek"):
        receiver.complete_message(found[2])
    receiver.complete_message(locked)
    (deferred,) = receiver.receive_deferred_messages(found[1].sequence_number or 0)
    receiver.complete_message(deferred)
    receiver.complete_message(one(receiver))
    sender.cancel_scheduled_messages(scheduled)
    assert receiver.peek_messages(sequence_number=1) == []


def test_a_dead_letter_queue_is_seen_alone(clients: Clients) -> None:
    sender, receiver = clients.sender("states"), clients.receiver("states")
    dead = clients.receiver("states", sub_queue=DEAD)
    sender.send_messages([ServiceBusMessage("bad"), ServiceBusMessage("good")])
    receiver.dead_letter_message(one(receiver), reason="Odd", error_description="It is.")
    (seen,) = dead.peek_messages(10)
    assert (str(seen), seen.dead_letter_reason) == ("bad", "Odd")
    assert seen.dead_letter_error_description == "It is."
    assert [str(message) for message in receiver.peek_messages(10, sequence_number=1)] == ["good"]
    # What is deferred there is found there.
    message = one(dead)
    dead.defer_message(message)
    (seen,) = dead.peek_messages(10, sequence_number=1)
    assert seen.state == ServiceBusMessageState.DEFERRED
    (again,) = dead.receive_deferred_messages(message.sequence_number or 0)
    dead.complete_message(again)
    receiver.complete_message(one(receiver))


def test_one_peek_goes_on_where_the_last_ended(clients: Clients) -> None:
    sender, receiver = clients.sender("pages"), clients.receiver("pages")
    sender.send_messages([ServiceBusMessage(str(number)) for number in range(25)])
    pages = []
    while found := receiver.peek_messages(10):
        pages.append([int(str(message)) for message in found])
    assert pages == [list(range(10)), list(range(10, 20)), list(range(20, 25))]
    for message in some(receiver, 25):
        receiver.complete_message(message)


def test_a_reply_holds_as_much_as_it_can(clients: Clients) -> None:
    sender, receiver = clients.sender("pages"), clients.receiver("pages")
    for number in range(10):
        sender.send_messages(ServiceBusMessage(b"%d" % number * 900_000))
    seen: list[bytes] = []
    while len(seen) < 10:
        found = receiver.peek_messages(10)
        assert 0 < len(found) < 10
        seen += [body(message)[:1] for message in found]
    assert seen == [b"%d" % number for number in range(10)]
    for message in some(receiver, 10):
        receiver.complete_message(message)


@pytest.fixture(scope="module")
def steps(clients: Clients) -> Iterator[ServiceBusReceiver]:
    """A receiver of session `one`."""
    with clients.client.get_queue_receiver("steps", session_id="one") as receiver:
        yield receiver


def test_a_session_shows_its_own_messages(clients: Clients, steps: ServiceBusReceiver) -> None:
    for session, text in (("one", "a"), ("two", "b"), ("one", "c"), ("one", "d")):
        clients.sender("steps").send_messages(ServiceBusMessage(text, session_id=session))
    first = one(steps)
    steps.defer_message(first)
    found = steps.peek_messages(10, sequence_number=1)
    assert [str(message) for message in found] == ["a", "c", "d"]
    assert {message.session_id for message in found} == {"one"}
    assert found[0].state == ServiceBusMessageState.DEFERRED
    (again,) = steps.receive_deferred_messages(first.sequence_number or 0)
    # Another session's message can't be had here, by number either.
    other = (first.sequence_number or 0) + 1
    for settle in (again, one(steps), one(steps)):
        steps.complete_message(settle)
    with pytest.raises(ServiceBusError):
        steps.receive_deferred_messages(other)


def test_sessions_are_listed(clients: Clients) -> None:
    sender = clients.sender("listed")
    for session in ("active", "stateful", "scheduled"):
        when = LATER if session == "scheduled" else None
        sender.send_messages(
            ServiceBusMessage("x", session_id=session, scheduled_enqueue_time_utc=when)
        )
    before = datetime.now(UTC) - timedelta(minutes=1)
    with clients.client.get_queue_receiver("listed", session_id="stateful") as receiver:
        receiver.session.set_state(b"kept")
        receiver.complete_message(one(receiver))
    assert sorted(clients.client.list_queue_sessions("listed")) == ["active", "stateful"]
    since = clients.client.list_queue_sessions("listed", state_updated_after=before)
    assert list(since) == ["stateful"]
    since = clients.client.list_queue_sessions("listed", state_updated_after=LATER)
    assert list(since) == []


def test_many_sessions_are_listed_in_pages(clients: Clients) -> None:
    sender = clients.sender("listed")
    wanted = {f"many-{number}" for number in range(250)}
    sender.send_messages([ServiceBusMessage("x", session_id=each) for each in sorted(wanted)])
    assert wanted <= set(clients.client.list_queue_sessions("listed"))
