"""Locks that ran out: every way to settle says so, with the SDK's own exceptions.

The SDK looks at its own clock before it asks; here the queue has forgotten the lock while the
SDK still believes in it, so that the emulator's answer is what is seen.
"""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from azure.servicebus import (
    AutoLockRenewer,
    ServiceBusMessage,
    ServiceBusReceivedMessage,
    ServiceBusReceiver,
)
from azure.servicebus.exceptions import (
    MessageLockLostError,
    ServiceBusError,
    SessionLockLostError,
)

from tests.contract.servicebus.clients import Clients, body, one, until
from tests.contract.servicebus.emulator import Emulator

#: One emulator and its clients serve the whole module.
pytestmark = pytest.mark.xdist_group("servicebus lost locks")
QUEUES = {
    "plain": {"LockDuration": "PT1M"},
    "brief": {"LockDuration": "PT3S", "MaxDeliveryCount": 100},
    "steps": {"RequiresSession": True, "LockDuration": "PT1M"},
    "brief-steps": {"RequiresSession": True, "LockDuration": "PT3S"},
}

SETTLEMENTS: dict[str, Callable[[ServiceBusReceiver, ServiceBusReceivedMessage], Any]] = {
    "complete": lambda receiver, message: receiver.complete_message(message),
    "abandon": lambda receiver, message: receiver.abandon_message(message),
    "defer": lambda receiver, message: receiver.defer_message(message),
    "dead-letter": lambda receiver, message: receiver.dead_letter_message(message),
}
#: By the receiver's own link, or by the management link, as for deferred messages.
PATHS = {"by its link": False, "by management": True}


def lose_locks(emulator: Emulator, queue: str) -> None:
    """As if time had run out for all of the queue's locks at once, behind the SDK's back."""

    async def lose() -> None:
        found = emulator.server.listener(queue)._queue
        for message in list(found.messages.values()):
            if message.lock:
                found.release(message.lock.token)

    emulator.do(lose())


def lose_sessions(emulator: Emulator, queue: str) -> None:
    async def lose() -> None:
        sessions = emulator.server.listener(queue)._queue.sessions
        assert sessions
        sessions.lose_all()

    emulator.do(lose())


def empty(emulator: Emulator, queue: str) -> None:
    async def drop() -> None:
        found = emulator.server.listener(queue)._queue
        for message in list(found.messages.values()):
            found.drop(message)

    emulator.do(drop())


@pytest.mark.parametrize("managed", PATHS.values(), ids=PATHS)
@pytest.mark.parametrize("settle", SETTLEMENTS.values(), ids=SETTLEMENTS)
def test_a_lost_lock_is_told_whatever_one_does(
    clients: Clients, emulator: Emulator, settle: Callable[..., None], managed: bool
) -> None:
    clients.sender("plain").send_messages(ServiceBusMessage("x"))
    receiver = clients.receiver("plain")
    message = one(receiver)
    lose_locks(emulator, "plain")
    message._is_deferred_message = managed
    with pytest.raises(MessageLockLostError):
        settle(receiver, message)
    # It was not done, and another settlement of it is.
    again = one(receiver)
    assert (again.sequence_number, again.delivery_count) == (message.sequence_number, 0)
    receiver.complete_message(again)


@pytest.mark.parametrize("settle", SETTLEMENTS.values(), ids=SETTLEMENTS)
def test_deferred_messages_are_settled_by_management(
    clients: Clients, settle: Callable[..., None], emulator: Emulator
) -> None:
    clients.sender("plain").send_messages(ServiceBusMessage("x"))
    receiver = clients.receiver("plain")
    message = one(receiver)
    number = message.sequence_number or 0
    receiver.defer_message(message)
    (found,) = receiver.receive_deferred_messages(number)
    assert found.lock_token
    assert found.delivery_count == 1
    before = emulator.server.calls.copy()
    settle(receiver, found)
    assert (emulator.server.calls - before).total() == 1
    empty(emulator, "plain")
    empty(emulator, "plain/$deadletterqueue")


def test_a_lost_lock_can_not_be_renewed(clients: Clients, emulator: Emulator) -> None:
    clients.sender("plain").send_messages(ServiceBusMessage("x"))
    receiver = clients.receiver("plain")
    message = one(receiver)
    lose_locks(emulator, "plain")
    with pytest.raises(MessageLockLostError):
        receiver.renew_message_lock(message)
    receiver.complete_message(one(receiver))


def test_a_deferred_message_whose_lock_is_lost_waits_again(
    clients: Clients, emulator: Emulator
) -> None:
    clients.sender("plain").send_messages(ServiceBusMessage("x"))
    receiver = clients.receiver("plain")
    message = one(receiver)
    number = message.sequence_number or 0
    receiver.defer_message(message)
    (found,) = receiver.receive_deferred_messages(number)
    with pytest.raises(ServiceBusError):  # it is locked
        receiver.receive_deferred_messages(number)
    lose_locks(emulator, "plain")
    with pytest.raises(MessageLockLostError):
        receiver.complete_message(found)
    (found,) = receiver.receive_deferred_messages(number)
    receiver.complete_message(found)


@pytest.fixture
def session(clients: Clients, emulator: Emulator) -> Iterator[ServiceBusReceiver]:
    """A receiver of a session that it has lost, and does not know it yet: it holds a message."""
    clients.sender("steps").send_messages(ServiceBusMessage("x", session_id="s"))
    with clients.client.get_queue_receiver("steps", session_id="s") as receiver:
        yield receiver
    empty(emulator, "steps")


@pytest.mark.parametrize("managed", PATHS.values(), ids=PATHS)
def test_a_lost_session_is_told_whatever_one_settles(
    session: ServiceBusReceiver, emulator: Emulator, managed: bool
) -> None:
    message = one(session)
    lose_sessions(emulator, "steps")
    message._is_deferred_message = managed
    for settle in SETTLEMENTS.values():
        with pytest.raises(SessionLockLostError):
            settle(session, message)


ASKED: dict[str, Callable[[ServiceBusReceiver], Any]] = {
    "its state": lambda receiver: receiver.session.get_state(),
    "to set its state": lambda receiver: receiver.session.set_state(b"x"),
    "to renew it": lambda receiver: receiver.session.renew_lock(),
}


def test_a_lost_session_is_told_whatever_one_asks(
    clients: Clients, emulator: Emulator, session: ServiceBusReceiver
) -> None:
    one(session)
    lose_sessions(emulator, "steps")
    # The session's next owner is not disturbed by who held it before.
    with clients.client.get_queue_receiver("steps", session_id="s") as heir:
        heir.session.set_state(b"heir's")
        for ask in ASKED.values():
            with pytest.raises(SessionLockLostError):
                ask(session)
        assert heir.session.get_state() == b"heir's"
        heir.session.set_state(None)
        heir.complete_message(one(heir))


def test_a_renewer_keeps_a_messages_lock(clients: Clients) -> None:
    clients.sender("brief").send_messages([ServiceBusMessage("kept"), ServiceBusMessage("clock")])
    # The SDK renews on the receiver's own connection, so another one waits meanwhile.
    receiver, other = clients.receiver("brief"), clients.receiver("brief", max_wait_time=20)
    kept, clock = one(receiver), one(receiver)
    receiver.renew_message_lock(kept)  # opens the link that the renewer uses
    with AutoLockRenewer(max_lock_renewal_duration=60) as renewer:
        renewer.register(receiver, kept)
        again = one(other, 20)  # nobody renews its lock
        assert (body(again), again.delivery_count) == (b"clock", 1)
        assert again.sequence_number == clock.sequence_number
        other.complete_message(again)
        receiver.complete_message(kept)
    assert receiver.peek_messages(sequence_number=1) == []


def test_a_renewer_keeps_a_session(clients: Clients, emulator: Emulator) -> None:
    for session in ("kept", "lost"):
        clients.sender("brief-steps").send_messages(ServiceBusMessage("x", session_id=session))
    with (
        AutoLockRenewer(max_lock_renewal_duration=60) as renewer,
        clients.client.get_queue_receiver(
            "brief-steps", session_id="kept", auto_lock_renewer=renewer
        ) as kept,
        clients.client.get_queue_receiver("brief-steps", session_id="lost") as lost,
    ):
        message, _ = one(kept), one(lost)
        sessions = emulator.server.listener("brief-steps")._queue.sessions
        assert sessions
        until(lambda: sessions.by_id["lost"].owner is None, 20)
        kept.complete_message(message)
        assert kept.session.get_state() in (None, b"")


def test_a_renewer_tells_that_a_lock_is_lost(clients: Clients, emulator: Emulator) -> None:
    clients.sender("brief").send_messages(ServiceBusMessage("x"))
    receiver = clients.receiver("brief")
    message = one(receiver)
    told: list[Exception | None] = []
    with AutoLockRenewer(max_lock_renewal_duration=60) as renewer:
        renewer.register(
            receiver, message, on_lock_renew_failure=lambda _, error: told.append(error)
        )
        lose_locks(emulator, "brief")
        until(lambda: bool(told), 20)
    assert isinstance(message.auto_renew_error, ServiceBusError)
    receiver.complete_message(one(receiver))
