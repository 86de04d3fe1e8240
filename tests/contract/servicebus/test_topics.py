"""Topics and subscriptions with the unmodified client."""

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from azure.servicebus import (
    NEXT_AVAILABLE_SESSION,
    ServiceBusClient,
    ServiceBusMessage,
    ServiceBusReceivedMessage,
    ServiceBusReceiver,
    ServiceBusSubQueue,
)
from azure.servicebus.exceptions import ServiceBusError

from tests.contract.servicebus.clients import Clients, body, one, refusals, some
from tests.contract.servicebus.emulator import Emulator


def sql(name: str, condition: str, action: str | None = None) -> dict[str, Any]:
    properties: dict[str, Any] = {"FilterType": "Sql", "SqlFilter": {"SqlExpression": condition}}
    if action:
        properties["Action"] = {"SqlExpression": action}
    return {"Name": name, "Properties": properties}


def correlation(name: str, **fields: Any) -> dict[str, Any]:
    return {
        "Name": name,
        "Properties": {"FilterType": "Correlation", "CorrelationFilter": fields},
    }


#: One emulator and its clients serve the whole module.
pytestmark = pytest.mark.xdist_group("servicebus topics")
QUEUES: dict[str, Any] = {}
TOPICS = [
    {"Name": "all", "Subscriptions": [{"Name": "a"}, {"Name": "b"}]},
    {
        "Name": "once",
        "Properties": {"RequiresDuplicateDetection": True},
        "Subscriptions": [{"Name": "s"}],
    },
    {"Name": "later", "Subscriptions": [{"Name": "s"}]},
    {
        "Name": "ordered",
        "Subscriptions": [
            {"Name": "s", "Properties": {"RequiresSession": True}},
            {"Name": "t", "Properties": {"RequiresSession": True, "MaxDeliveryCount": 1}},
        ],
    },
    {
        "Name": "ruled",
        "Subscriptions": [
            {
                "Name": "colors",
                "Rules": [
                    correlation("label", Label="news"),
                    correlation("properties", Properties={"color": "blue", "n": 3}),
                    sql("sql", "color LIKE 'gr%' OR sys.To = 'x'"),
                ],
            },
            {
                "Name": "five",
                "Rules": [
                    sql("one", "five = 1"),
                    sql("two", "five IN (1, 2)"),
                    correlation("three", Properties={"five": 1}),
                    sql("four", "five = 1", "SET five = five + 3; SET sys.Label = 'four'"),
                    sql("five", "five = 1", "REMOVE five"),
                ],
            },
        ],
    },
    {
        "Name": "wrong",
        "Subscriptions": [
            {"Name": "kept", "Rules": [sql("r", "10 / n = 5")]},
            {
                "Name": "passed-over",
                "Properties": {"DeadLetteringOnFilterEvaluationExceptions": False},
                "Rules": [sql("r", "10 / n = 5"), sql("other", "n = 0 AND m = 1")],
            },
        ],
    },
    {"Name": "settled", "Subscriptions": [{"Name": "s"}]},
    {"Name": "refusing", "Subscriptions": [{"Name": "s"}, {"Name": "t"}]},
]


DEAD = ServiceBusSubQueue.DEAD_LETTER


@pytest.fixture(scope="module", autouse=True)
def _opened(clients: Clients) -> None:
    """Most of the module, since one after another each takes the SDK a second."""
    topics = ("all", "once", "later", "ordered", "ruled", "wrong", "settled")
    heard = [("all", "a"), ("all", "b"), ("once", "s"), ("later", "s"), ("ruled", "colors")]
    heard += [("ruled", "five"), ("wrong", "kept"), ("wrong", "passed-over"), ("settled", "s")]
    dead = [("ordered", "s"), ("ordered", "t"), ("wrong", "kept"), ("settled", "s")]
    clients.warm(
        *map(clients.topic_sender, topics),
        *(clients.subscriber(*each) for each in heard),
        *(clients.subscriber(*each, sub_queue=DEAD) for each in dead),
    )


def bodies(receiver: ServiceBusReceiver, count: int) -> list[bytes]:
    found = some(receiver, count)
    for message in found:
        receiver.complete_message(message)
    return [body(message) for message in found]


def properties(message: ServiceBusReceivedMessage) -> dict[str, Any]:
    found = message.application_properties or {}
    return {
        name.decode() if isinstance(name, bytes) else name: value.decode()
        if isinstance(value, bytes)
        else value
        for name, value in found.items()
    }


def test_every_subscription_gets_a_copy(clients: Clients) -> None:
    sender = clients.topic_sender("all")
    sender.send_messages(ServiceBusMessage("1", message_id="id", application_properties={"k": 1}))
    batch = sender.create_message_batch()
    batch.add_message(ServiceBusMessage("2"))
    batch.add_message(ServiceBusMessage("3"))
    sender.send_messages(batch)
    for name in ("a", "b"):
        receiver = clients.subscriber("all", name)
        first, *rest = some(receiver, 3)
        assert (body(first), first.message_id, properties(first)) == (b"1", "id", {"k": 1})
        assert first.enqueued_sequence_number is not None
        assert [body(each) for each in rest] == [b"2", b"3"]
        for message in (first, *rest):
            receiver.complete_message(message)


def test_duplicates_on_a_topic(clients: Clients) -> None:
    sender = clients.topic_sender("once")
    for text in ("first", "second"):
        sender.send_messages(ServiceBusMessage(text, message_id="same"))
    sender.send_messages(ServiceBusMessage("last", message_id="other"))
    assert bodies(clients.subscriber("once", "s"), 2) == [b"first", b"last"]


def test_scheduled_on_a_topic(clients: Clients, emulator: Emulator) -> None:
    sender = clients.topic_sender("later")
    hence = datetime.now(UTC) + timedelta(hours=1)
    number, other = sender.schedule_messages(
        [ServiceBusMessage("a"), ServiceBusMessage("b")], hence
    )
    assert emulator.call(lambda namespace: namespace.counts("later")).scheduled == 2
    sender.cancel_scheduled_messages([number])
    with pytest.raises(ServiceBusError):
        sender.cancel_scheduled_messages(number)
    sender.schedule_messages(ServiceBusMessage("soon"), datetime.now(UTC) + timedelta(seconds=0.3))
    assert bodies(clients.subscriber("later", "s"), 1) == [b"soon"]
    sender.cancel_scheduled_messages(other)


def test_sessions_of_a_subscription(clients: Clients) -> None:
    sender = clients.topic_sender("ordered")
    for text, session in (("1", "x"), ("2", "x"), ("other", "y")):
        sender.send_messages(ServiceBusMessage(text, session_id=session))
    sender.send_messages(ServiceBusMessage("no session"))
    with clients.client.get_subscription_receiver("ordered", "s", session_id="x") as receiver:
        receiver.session.set_state("at two")
        assert bodies(receiver, 2) == [b"1", b"2"]
        assert receiver.session.get_state() == b"at two"
    with clients.client.get_subscription_receiver(
        "ordered", "s", session_id=NEXT_AVAILABLE_SESSION
    ) as receiver:
        assert receiver.session.session_id == "y"
        assert bodies(receiver, 1) == [b"other"]
    dead = one(clients.subscriber("ordered", "s", sub_queue=DEAD))
    assert (body(dead), dead.dead_letter_reason) == (b"no session", "Session ID is null.")


def test_dead_letters_of_a_session_keep_its_id(clients: Clients) -> None:
    clients.topic_sender("ordered").send_messages(ServiceBusMessage("tried", session_id="z"))
    with clients.client.get_subscription_receiver("ordered", "t", session_id="z") as receiver:
        receiver.abandon_message(one(receiver))
    # Beside it may be what another test sent without a session.
    receiver = clients.subscriber("ordered", "t", sub_queue=DEAD)
    reasons: dict[str | None, str | None] = {}
    while "z" not in reasons:
        dead = one(receiver)
        reasons[dead.session_id] = dead.dead_letter_reason
        receiver.complete_message(dead)
    assert reasons["z"] == "MaxDeliveryCountExceeded"


def test_rules_choose(clients: Clients) -> None:
    sender = clients.topic_sender("ruled")
    sender.send_messages(
        [
            ServiceBusMessage("label", subject="news"),
            ServiceBusMessage("other label", subject="old"),
            ServiceBusMessage("blue", application_properties={"color": "blue", "n": 3}),
            ServiceBusMessage("blue too", application_properties={"color": "blue", "n": 4}),
            ServiceBusMessage("green", application_properties={"color": "green"}),
            ServiceBusMessage("to", to="x"),
            ServiceBusMessage(
                "all", to="x", subject="news", application_properties={"color": "gr"}
            ),
        ]
    )
    found = bodies(clients.subscriber("ruled", "colors"), 5)
    assert found == [b"label", b"blue", b"green", b"to", b"all"]


def test_each_matching_rule_with_an_action_makes_a_copy(clients: Clients) -> None:
    sender = clients.topic_sender("ruled")
    sender.send_messages(ServiceBusMessage("x", application_properties={"five": 1}))
    receiver = clients.subscriber("ruled", "five")
    found = some(receiver, 3)
    by_rule = {properties(each).get("RuleName"): each for each in found}
    assert properties(by_rule[None]) == {"five": 1}
    assert properties(by_rule["five"]) == {"RuleName": "five"}
    assert properties(by_rule["four"]) == {"five": 4, "RuleName": "four"}
    assert (by_rule["four"].subject, by_rule["five"].subject) == ("four", None)
    assert {body(each) for each in found} == {b"x"}
    for message in found:
        receiver.complete_message(message)


def test_what_a_rule_can_not_judge(clients: Clients, emulator: Emulator) -> None:
    sender = clients.topic_sender("wrong")
    sender.send_messages(ServiceBusMessage("bad", application_properties={"n": 0, "m": 1}))
    sender.send_messages(ServiceBusMessage("good", application_properties={"n": 2}))
    assert bodies(clients.subscriber("wrong", "kept"), 1) == [b"good"]
    dead = one(clients.subscriber("wrong", "kept", sub_queue=DEAD))
    assert (body(dead), dead.dead_letter_reason) == (b"bad", "FilterException")
    assert "zero" in str(dead.dead_letter_error_description)
    assert bodies(clients.subscriber("wrong", "passed-over"), 2) == [b"bad", b"good"]
    counts = emulator.call(lambda namespace: namespace.counts("wrong/Subscriptions/passed-over"))
    assert counts.dead_letters == 0


def test_a_subscription_settles_like_a_queue(clients: Clients) -> None:
    receiver = clients.subscriber("settled", "s")
    clients.topic_sender("settled").send_messages([ServiceBusMessage(text) for text in "abc"])
    abandoned, deferred, dead = some(receiver, 3)
    receiver.abandon_message(abandoned)
    receiver.defer_message(deferred)
    receiver.dead_letter_message(dead, reason="why", error_description="because")
    again = one(receiver)
    assert (body(again), again.delivery_count) == (b"a", 1)
    receiver.renew_message_lock(again)
    assert [body(each) for each in receiver.peek_messages(10, sequence_number=1)] == [b"a", b"b"]
    (back,) = receiver.receive_deferred_messages(deferred.sequence_number or 0)
    for message in (again, back):
        receiver.complete_message(message)
    (held,) = some(clients.subscriber("settled", "s", sub_queue=DEAD), 1)
    assert (body(held), held.dead_letter_reason) == (b"c", "why")


def receive_from(name: str) -> Callable[[ServiceBusClient], object]:
    return lambda client: client.get_queue_receiver(name).receive_messages(max_wait_time=30)


def send_to(name: str) -> Callable[[ServiceBusClient], object]:
    return lambda client: client.get_queue_sender(name).send_messages(ServiceBusMessage("x"))


ATTEMPTS = {
    "receive from a topic": receive_from("refusing"),
    "receive from no subscription": receive_from("refusing/Subscriptions/none"),
    "receive from nothing": receive_from("none"),
    "send to a subscription": send_to("refusing/Subscriptions/s"),
    "send to no subscription": send_to("refusing/Subscriptions/none"),
    "send to dead letters": send_to("refusing/Subscriptions/s/$DeadLetterQueue"),
}
REFUSED = {
    "receive from a topic": "ServiceBusError: .*receive from one of its subscriptions",
    "receive from no subscription": "MessagingEntityNotFoundError",
    "receive from nothing": "MessagingEntityNotFoundError",
    "send to a subscription": "ServiceBusError: .*send to its topic",
    "send to no subscription": "MessagingEntityNotFoundError",
    "send to dead letters": "ServiceBusError: .*takes no messages from senders",
}


@pytest.fixture(scope="module")
def refused(clients: Clients) -> dict[str, str]:
    return refusals(clients.client, ATTEMPTS)


@pytest.mark.parametrize(("attempt", "error"), REFUSED.items(), ids=REFUSED)
def test_refused(refused: dict[str, str], attempt: str, error: str) -> None:
    assert re.match(error, refused[attempt])
