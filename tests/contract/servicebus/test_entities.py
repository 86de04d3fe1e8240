"""What a client sees of entities that are made, changed, forwarded and deleted at run time."""

import re
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from azure.servicebus import (
    ServiceBusClient,
    ServiceBusMessage,
    ServiceBusReceiver,
    ServiceBusSubQueue,
)
from azure.servicebus.exceptions import (
    MessagingEntityDisabledError,
    MessagingEntityNotFoundError,
    ServiceBusQuotaExceededError,
)

from retrain.local.servicebus import QueueSettings
from retrain.local.servicebus.settings import (
    EntitySettings,
    RuleSettings,
    SqlAction,
    SqlFilter,
    Status,
    SubscriptionSettings,
    TopicSettings,
)
from tests.contract.servicebus.clients import Clients, body, one, refusals, some, until
from tests.contract.servicebus.emulator import Emulator

#: One emulator and its clients serve the whole module.
pytestmark = pytest.mark.xdist_group("servicebus entities")
QUEUES: dict[str, Any] = {
    "start": {"ForwardTo": "end"},
    "end": {},
    "parked": {"ForwardDeadLetteredMessagesTo": "morgue"},
    "morgue": {},
    "shut": {"Status": "SendDisabled"},
    "dark": {"Status": "ReceiveDisabled"},
    "off": {"Status": "Disabled"},
    **{f"hop-{number}": {"ForwardTo": f"hop-{number + 1}"} for number in range(5)},
    "hop-5": {},
    "sessions": {"RequiresSession": True},
}
TOPICS = [
    {
        "Name": "out",
        "Subscriptions": [
            {"Name": "on", "Properties": {"ForwardTo": "end"}},
            {"Name": "sessions", "Properties": {"RequiresSession": True}},
        ],
    }
]


@pytest.fixture(scope="module", autouse=True)
def _opened(clients: Clients) -> None:
    """Much of the module, since one after another each takes the SDK a second."""
    transfers = clients.receiver("hop-4", sub_queue=ServiceBusSubQueue.TRANSFER_DEAD_LETTER)
    names = ("start", "hop-0", "hop-1", "parked", "sessions")
    clients.warm(
        *map(clients.sender, names),
        *map(clients.receiver, ("end", "hop-5", "parked", "morgue")),
        *(clients.topic_sender("out"), transfers),
    )


def make(emulator: Emulator, *entities: EntitySettings) -> None:
    for settings in entities:
        emulator.call(lambda namespace, made=settings: namespace.create(made))  # type: ignore[misc]


def test_a_queue_made_now_works_now_until_it_is_deleted(
    clients: Clients, emulator: Emulator
) -> None:
    make(emulator, QueueSettings(name="brief", max_delivery_count=1))
    sender, receiver = clients.sender("brief"), clients.receiver("brief")
    sender.send_messages(ServiceBusMessage("x"))
    receiver.abandon_message(one(receiver))
    counts = emulator.call(lambda namespace: namespace.counts("brief"))
    assert (counts.active, counts.dead_letters) == (0, 1)
    emulator.call(lambda namespace: namespace.delete("brief"))
    with pytest.raises(MessagingEntityNotFoundError):
        receiver.receive_messages(max_wait_time=5)
    with pytest.raises(MessagingEntityNotFoundError):
        sender.send_messages(ServiceBusMessage("x"))


def test_rules_that_change_choose_from_then_on(clients: Clients, emulator: Emulator) -> None:
    rule = RuleSettings(topic="news", subscription="s", name="r")
    make(emulator, TopicSettings(name="news"), SubscriptionSettings(topic="news", name="s"))
    sender, receiver = clients.topic_sender("news"), clients.subscriber("news", "s")

    def got(text: str) -> str:
        sender.send_messages(ServiceBusMessage(text, application_properties={"n": 1}))
        sender.send_messages(ServiceBusMessage("end", application_properties={"n": 9}))
        found = one(receiver)
        receiver.complete_message(found)
        if body(found) != b"end":
            receiver.complete_message(one(receiver))
        return str(found.subject or body(found).decode())

    assert got("all") == "all"
    nine = SqlFilter(expression="n = @n", parameters={"@n": 9})
    make(emulator, replace(rule, filter=nine))
    emulator.call(lambda namespace: namespace.delete("news/Subscriptions/s/Rules/$Default"))
    assert got("none") == "end"
    every = SqlFilter(expression="n > 0")
    act = SqlAction(expression="SET sys.Label = 'l' + @x", parameters={"@x": "1"})
    emulator.call(lambda namespace: namespace.update(replace(rule, filter=every, action=act)))
    assert got("labelled") == "l1"


def test_forwarded_with_all_that_it_carries(clients: Clients) -> None:
    message = ServiceBusMessage("x", message_id="id", application_properties={"k": "v"})
    clients.sender("start").send_messages(message)
    clients.topic_sender("out").send_messages(ServiceBusMessage("y", session_id="s"))
    receiver = clients.receiver("end")
    first, second = some(receiver, 2)
    assert (body(first), first.message_id, first.application_properties) == (
        b"x",
        "id",
        {b"k": b"v"},
    )
    assert (body(second), second.session_id, second.delivery_count) == (b"y", "s", 0)
    for each in (first, second):
        receiver.complete_message(each)


def test_a_scheduled_message_is_forwarded_when_due(clients: Clients) -> None:
    soon = datetime.now(UTC) + timedelta(seconds=0.3)
    clients.sender("start").schedule_messages(ServiceBusMessage("later"), soon)
    receiver = clients.receiver("end")
    found = one(receiver)
    assert body(found) == b"later"
    receiver.complete_message(found)


def test_the_fifth_hop_ends_among_the_transfer_dead_letters(clients: Clients) -> None:
    clients.sender("hop-1").send_messages(ServiceBusMessage("arrives"))
    clients.sender("hop-0").send_messages(ServiceBusMessage("too far"))
    arrived = clients.receiver("hop-5")
    assert body(one(arrived)) == b"arrives"
    lost = clients.receiver("hop-4", sub_queue=ServiceBusSubQueue.TRANSFER_DEAD_LETTER)
    found = one(lost)
    assert (body(found), found.dead_letter_reason) == (b"too far", "MaxTransferHopCountExceeded")
    lost.complete_message(found)


def test_dead_letters_are_forwarded_and_tell_whence(clients: Clients) -> None:
    clients.sender("parked").send_messages(ServiceBusMessage("x"))
    receiver = clients.receiver("parked")
    receiver.dead_letter_message(one(receiver), reason="why", error_description="because")
    morgue = clients.receiver("morgue")
    found = one(morgue)
    assert (found.dead_letter_reason, found.dead_letter_source) == ("why", "parked")
    morgue.complete_message(found)


def receive(receiver: ServiceBusReceiver) -> object:
    return receiver.receive_messages(max_wait_time=30)  # opening the link is within it


def send(client: ServiceBusClient, queue: str) -> None:
    client.get_queue_sender(queue).send_messages(ServiceBusMessage("x"))


ATTEMPTS: dict[str, Callable[[ServiceBusClient], object]] = {
    "receive where it forwards": lambda client: receive(client.get_queue_receiver("start")),
    "receive from a subscription that forwards": lambda client: receive(
        client.get_subscription_receiver("out", "on")
    ),
    "receive where all is disabled": lambda client: receive(client.get_queue_receiver("off")),
    "receive where that is disabled": lambda client: receive(client.get_queue_receiver("dark")),
    "send where all is disabled": lambda client: send(client, "off"),
    "send where that is disabled": lambda client: send(client, "shut"),
}


@pytest.fixture(scope="module")
def refused(clients: Clients) -> dict[str, str]:
    return refusals(clients.client, ATTEMPTS)


@pytest.mark.parametrize("attempt", ATTEMPTS)
def test_refused(refused: dict[str, str], attempt: str) -> None:
    disabled = r"MessagingEntityDisabledError: "
    forwards = r"ServiceBusError: .*auto-forwarding"
    assert re.match(forwards if "forwards" in attempt else disabled, refused[attempt])


def test_a_receiver_is_told_that_its_queue_is_disabled(
    clients: Clients, emulator: Emulator
) -> None:
    make(emulator, QueueSettings(name="closing"))
    sender, receiver = clients.sender("closing"), clients.receiver("closing")
    sender.send_messages(ServiceBusMessage("x"))
    receiver.complete_message(one(receiver))
    off = QueueSettings(name="closing", status=Status.DISABLED)
    emulator.call(lambda namespace: namespace.update(off))
    with pytest.raises(MessagingEntityDisabledError):
        receiver.receive_messages(max_wait_time=5)
    with pytest.raises(MessagingEntityDisabledError):
        sender.send_messages(ServiceBusMessage("x"))


def test_a_full_queue_takes_no_more(clients: Clients, emulator: Emulator) -> None:
    make(emulator, QueueSettings(name="full", max_megabytes=1))
    sender = clients.sender("full")
    for _ in range(6):
        sender.send_messages(ServiceBusMessage(b"x" * 200_000))
    with pytest.raises(ServiceBusQuotaExceededError):
        sender.send_messages(ServiceBusMessage("x"))


def test_sessions_are_listed(clients: Clients) -> None:
    clients.sender("sessions").send_messages(
        [ServiceBusMessage("x", session_id=f"s-{number:03}") for number in range(150)]
    )
    clients.topic_sender("out").send_messages(ServiceBusMessage("x", session_id="only"))
    found = list(clients.client.list_queue_sessions("sessions"))
    assert sorted(found) == [f"s-{number:03}" for number in range(150)]
    assert "only" in list(clients.client.list_subscription_sessions("out", "sessions"))
    before = datetime.now(UTC) - timedelta(minutes=1)
    listed = clients.client.list_queue_sessions("sessions", state_updated_after=before)
    assert list(listed) == []
    with clients.client.get_queue_receiver("sessions", session_id="s-007") as receiver:
        receiver.session.set_state(b"state")
    listed = clients.client.list_queue_sessions("sessions", state_updated_after=before)
    assert list(listed) == ["s-007"]


def test_a_listener_of_this_process_hears_a_subscription(
    clients: Clients, emulator: Emulator
) -> None:
    make(emulator, TopicSettings(name="heard"), SubscriptionSettings(topic="heard", name="s"))
    clients.topic_sender("heard").send_messages(ServiceBusMessage("x"))

    async def hear() -> bytes:
        delivery = await emulator.server.listener("heard/Subscriptions/s").next()
        await delivery.complete()
        return delivery.body

    assert emulator.do(hear()) == b"x"
    until(lambda: emulator.call(lambda n: n.counts("heard/Subscriptions/s").total) == 0)
