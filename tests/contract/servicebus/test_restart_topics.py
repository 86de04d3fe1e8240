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
    ServiceBusReceiveMode,
    ServiceBusReceiver,
)
from azure.servicebus.exceptions import ServiceBusError

from tests.contract.servicebus.clients import Clients, body, until
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
    found: list[str] = []
    while more := receiver.receive_messages(500, max_wait_time=1):
        found += (body(message).decode() for message in more)
    return found


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
        removing = ServiceBusReceiveMode.RECEIVE_AND_DELETE
        receivers = [clients.receiver("end", receive_mode=removing)]
        receivers += [
            clients.subscriber("middle", name, receive_mode=removing) for name in ("keeps", "marks")
        ]
        arrived = [all_of(receiver) for receiver in receivers]
    for found in arrived:
        assert found[: len(acknowledged)] == acknowledged
        assert max(Counter(found).values()) == 1
    assert arrived[0] == arrived[1] == arrived[2]
