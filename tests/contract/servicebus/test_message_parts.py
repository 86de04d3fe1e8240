"""All that a message can be made of arrives as it was sent, and what the service adds to it."""

import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from azure.servicebus import ServiceBusMessage, ServiceBusMessageState, ServiceBusReceivedMessage
from azure.servicebus.amqp import (
    AmqpAnnotatedMessage,
    AmqpMessageBodyType,
    AmqpMessageHeader,
    AmqpMessageProperties,
)

from tests.contract.servicebus.clients import Clients, one, some

#: One emulator and its clients serve the whole module.
pytestmark = pytest.mark.xdist_group("servicebus message parts")
QUEUES = {"plain": {"LockDuration": "PT1M"}, "brief": {"DefaultMessageTimeToLive": "PT1H"}}


def there_and_back(
    clients: Clients, sent: ServiceBusMessage | AmqpAnnotatedMessage, queue: str = "plain"
) -> ServiceBusReceivedMessage:
    """The message as it is received."""
    clients.sender(queue).send_messages(sent)
    receiver = clients.receiver(queue)
    message = one(receiver)
    receiver.complete_message(message)
    return message


def body_of(message: ServiceBusReceivedMessage) -> Any:
    """A value, or a list of parts."""
    found = message.raw_amqp_message.body
    return found if message.body_type == AmqpMessageBodyType.VALUE else list(found)


BODIES: dict[str, tuple[dict[str, Any], AmqpMessageBodyType, Any]] = {
    "data": ({"data_body": b"one"}, AmqpMessageBodyType.DATA, [b"one"]),
    "data in parts": ({"data_body": [b"a", b"b"]}, AmqpMessageBodyType.DATA, [b"a", b"b"]),
    "text": ({"value_body": "x"}, AmqpMessageBodyType.VALUE, b"x"),
    "a number": ({"value_body": 1 << 30}, AmqpMessageBodyType.VALUE, 1 << 30),
    "nothing": ({"value_body": None}, AmqpMessageBodyType.VALUE, None),
    "a map": (
        {"value_body": {b"k": [1, True, b"v"]}},
        AmqpMessageBodyType.VALUE,
        {b"k": [1, True, b"v"]},
    ),
    "a sequence": (
        {"sequence_body": [1, b"two", 3.5]},
        AmqpMessageBodyType.SEQUENCE,
        [[1, b"two", 3.5]],
    ),
    "sequences": (
        {"sequence_body": [[1, 2], [b"x", None]]},
        AmqpMessageBodyType.SEQUENCE,
        [[1, 2], [b"x", None]],
    ),
}


@pytest.mark.parametrize(("parts", "kind", "expected"), BODIES.values(), ids=BODIES)
def test_a_body_of_any_type_stays_of_that_type(
    clients: Clients, parts: dict[str, Any], kind: AmqpMessageBodyType, expected: Any
) -> None:
    message = there_and_back(clients, AmqpAnnotatedMessage(**parts))
    assert message.body_type == kind
    assert body_of(message) == expected


def test_every_section_of_a_message_arrives(clients: Clients) -> None:
    sent = AmqpAnnotatedMessage(
        data_body=b"x",
        header=AmqpMessageHeader(durable=True, priority=7, time_to_live=60_000),
        properties=AmqpMessageProperties(
            message_id="m",
            user_id=b"u",
            to="t",
            subject="s",
            reply_to="r",
            correlation_id="c",
            content_type="text/plain",
            content_encoding="gzip",
            group_id="g",
            group_sequence=3,
            reply_to_group_id="rg",
        ),
        application_properties={"a": 1},
        annotations={"x-mine": "kept", "x-opt-partition-key": "g"},
        delivery_annotations={"d": b"delivered"},
        footer={"f": "footer"},
    )
    message = there_and_back(clients, sent)
    raw = message.raw_amqp_message
    assert raw.header is not None
    assert (raw.header.durable, raw.header.priority) == (True, 7)
    assert raw.header.time_to_live == 60_000
    assert raw.header.delivery_count == 0
    assert raw.properties is not None
    assert raw.properties.user_id == b"u"
    assert raw.properties.content_encoding == b"gzip"
    assert raw.properties.group_sequence == 3
    assert raw.properties.absolute_expiry_time
    assert (message.to, message.subject, message.reply_to) == ("t", "s", "r")
    assert (message.session_id, message.reply_to_session_id) == ("g", "rg")
    assert (message.message_id, message.correlation_id) == ("m", "c")
    assert message.content_type == "text/plain"
    assert message.partition_key == "g"
    assert raw.annotations is not None
    assert raw.annotations[b"x-mine"] == b"kept"
    assert raw.delivery_annotations == {b"d": b"delivered"}
    assert raw.footer == {b"f": b"footer"}


def test_properties_of_every_type(clients: Clients) -> None:
    an_id = uuid.uuid4()
    when = datetime(2026, 11, 24, 8, 30, tzinfo=UTC)
    sent: dict[str | bytes, Any] = {
        "text": "ü",
        "int": 5,
        "long": (1 << 31) - 1,
        "negative": -7,
        "float": 2.5,
        "yes": True,
        "no": False,
        "none": None,
        "id": an_id,
        "when": when,
    }
    message = there_and_back(clients, ServiceBusMessage("x", application_properties=sent))
    found = message.application_properties or {}
    expected = {**sent, "text": "ü".encode(), "when": int(when.timestamp() * 1000)}
    assert found == {str(key).encode(): value for key, value in expected.items()}


def test_what_the_service_notes_on_a_message(clients: Clients) -> None:
    before = datetime.now(UTC) - timedelta(seconds=1)
    sent = ServiceBusMessage("x", time_to_live=timedelta(minutes=5), message_id="noted")
    clients.sender("plain").send_messages([sent, ServiceBusMessage("y")])
    receiver = clients.receiver("plain")
    first, second = some(receiver, 2)
    assert first.enqueued_time_utc
    assert before <= first.enqueued_time_utc <= datetime.now(UTC) + timedelta(seconds=1)
    assert first.expires_at_utc == first.enqueued_time_utc + timedelta(minutes=5)
    assert first.locked_until_utc
    assert first.locked_until_utc > datetime.now(UTC)
    assert first.state == ServiceBusMessageState.ACTIVE
    assert first.delivery_count == 0
    assert isinstance(first.lock_token, uuid.UUID)
    assert first.sequence_number
    assert first.sequence_number == first.enqueued_sequence_number
    assert (second.sequence_number or 0) > first.sequence_number
    assert second.expires_at_utc is None
    assert second.message_id  # given by the service, since the sender gave none
    for nothing in (
        first.dead_letter_reason,
        first.dead_letter_error_description,
        first.dead_letter_source,
        first.scheduled_enqueue_time_utc,
        first.partition_key,
    ):
        assert nothing is None
    assert "message_id=noted" in repr(first)
    for message in (first, second):
        receiver.complete_message(message)


def test_the_queues_own_time_to_live_shortens_a_messages(clients: Clients) -> None:
    for own, expected in ((None, 60), (timedelta(hours=2), 60), (timedelta(minutes=1), 1)):
        message = there_and_back(clients, ServiceBusMessage("x", time_to_live=own), "brief")
        assert message.time_to_live == timedelta(minutes=expected)


def test_a_message_can_be_sent_on_as_it_came(clients: Clients) -> None:
    sent = ServiceBusMessage(
        "x", application_properties={"a": "b"}, subject="s", time_to_live=timedelta(minutes=5)
    )
    first = there_and_back(clients, sent)
    second = there_and_back(clients, ServiceBusMessage(**_again(first)))
    assert (str(second), second.subject) == ("x", "s")
    clients.sender("plain").send_messages(first.raw_amqp_message)
    receiver = clients.receiver("plain")
    third = one(receiver)
    receiver.complete_message(third)
    assert third.application_properties == {b"a": b"b"}
    assert (third.sequence_number or 0) > (second.sequence_number or 0)
    assert third.enqueued_time_utc != first.enqueued_time_utc


def _again(message: ServiceBusReceivedMessage) -> dict[str, Any]:
    return {"body": b"".join(message.body), "subject": message.subject}


def test_messages_of_a_batch_differ_in_everything(clients: Clients) -> None:
    sender, receiver = clients.sender("plain"), clients.receiver("plain")
    batch = sender.create_message_batch()
    for number in range(3):
        batch.add_message(
            ServiceBusMessage(
                b"%d" % number,
                subject=f"s{number}",
                application_properties={"n": number},
                time_to_live=timedelta(minutes=number + 1),
            )
        )
    batch.add_message(AmqpAnnotatedMessage(value_body={b"k": 1}, footer={"f": 1}))
    sender.send_messages(batch)
    found = some(receiver, 4)
    for message in found:
        receiver.complete_message(message)
    assert [each.subject for each in found] == ["s0", "s1", "s2", None]
    lives = [each.time_to_live for each in found]
    assert lives == [timedelta(minutes=1), timedelta(minutes=2), timedelta(minutes=3), None]
    assert body_of(found[3]) == {b"k": 1}
    assert found[3].raw_amqp_message.footer == {b"f": 1}
