"""A kill while messages run through topics, rules and forwarding: none lost, none doubled."""

import gc
import threading
import warnings
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from azure.servicebus import (
    ServiceBusClient,
    ServiceBusMessage,
    ServiceBusReceivedMessage,
    ServiceBusReceiver,
)
from azure.servicebus.exceptions import ServiceBusError
from azure.servicebus.management import SqlRuleFilter

from tests.contract.servicebus.admin.asking import SyncAdmin
from tests.contract.servicebus.clients import Clients, body, some, until
from tests.contract.servicebus.emulator import EmulatorProcess, write_config

QUEUES = {"start": {"ForwardTo": "middle"}, "end": {}}
TOPICS = [
    {
        "Name": "middle",
        "Subscriptions": [
            {"Name": "keeps"},
            {"Name": "forwards", "Properties": {"ForwardTo": "end"}},
            {
                "Name": "marks",
                "Rules": [
                    {
                        "Name": "mark",
                        "Properties": {
                            "FilterType": "Sql",
                            "SqlFilter": {"SqlExpression": "sys.Label = 'x'"},
                            "Action": {"SqlExpression": "SET marked = TRUE"},
                        },
                    }
                ],
            },
        ],
    }
]
pytestmark = pytest.mark.filterwarnings("ignore:unclosed <socket:ResourceWarning")


@pytest.fixture(autouse=True)
def _broken_connections() -> Iterator[None]:
    """The SDK leaves the socket of a connection that broke to the garbage collector."""
    yield
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        gc.collect()


def all_of(receiver: ServiceBusReceiver) -> list[str]:
    found: list[ServiceBusReceivedMessage] = []
    following = 1
    while more := receiver.peek_messages(250, sequence_number=following):
        found += more
        following = (more[-1].sequence_number or 0) + 1
    return [body(message).decode() for message in found]


def test_a_kill_on_the_way_loses_and_doubles_nothing(tmp_path: Path) -> None:
    config, data = write_config(tmp_path, QUEUES, TOPICS), tmp_path / "data"
    acknowledged: list[str] = []

    def send(connection_string: str) -> None:
        client = ServiceBusClient.from_connection_string(connection_string, retry_total=0)
        with client, client.get_queue_sender("start") as sender:
            for number in range(100_000):
                try:
                    sender.send_messages(ServiceBusMessage(f"{number}", subject="x"))
                except ServiceBusError:
                    return
                acknowledged.append(f"{number}")

    with EmulatorProcess(data, config) as process:
        sending = threading.Thread(target=send, args=(process.connection_string,))
        sending.start()
        until(lambda: len(acknowledged) >= 200)
        process.kill()
        sending.join()
    with EmulatorProcess(data, config) as again, Clients(again.connection_string) as clients:
        end, keeps, marks = (
            clients.receiver("end"),
            clients.subscriber("middle", "keeps"),
            clients.subscriber("middle", "marks"),
        )
        until(lambda: all_of(end) == all_of(keeps) == all_of(marks))
        arrived = all_of(end)
    assert arrived[: len(acknowledged)] == acknowledged
    assert max(Counter(arrived).values()) == 1


def test_what_was_made_by_the_administration_client_is_there_after_a_kill(tmp_path: Path) -> None:
    config, data = write_config(tmp_path, {}), tmp_path / "data"
    with EmulatorProcess(data, config) as process:
        with SyncAdmin(process.connection_string, data / "certificate.pem") as admin:
            admin.create_queue("last", max_delivery_count=3)
            admin.create_topic("first")
            admin.create_subscription("first", "s", forward_to="last")
            admin.create_rule("first", "s", "big", filter=SqlRuleFilter("size > @n", {"@n": 5}))
            admin.delete_rule("first", "s", "$Default")
        with Clients(process.connection_string) as clients:
            sizes = [ServiceBusMessage(f"{n}", application_properties={"size": n}) for n in (5, 6)]
            clients.topic_sender("first").send_messages(sizes)
            process.kill()
    with EmulatorProcess(data, config) as process:
        with SyncAdmin(process.connection_string, data / "certificate.pem") as admin:
            assert admin.get_queue("last").max_delivery_count == 3
            assert [rule.name for rule in admin.list_rules("first", "s")] == ["big"]
        with Clients(process.connection_string) as clients:
            sender, receiver = clients.topic_sender("first"), clients.receiver("last")
            sender.send_messages(ServiceBusMessage("7", application_properties={"size": 7}))
            assert [body(message) for message in some(receiver, 2)] == [b"6", b"7"]
