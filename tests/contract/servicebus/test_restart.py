"""What was acknowledged survives: `kill -9`, and then the same data folder again."""

import gc
import subprocess
import sys
import threading
import warnings
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from azure.servicebus import ServiceBusClient, ServiceBusMessage, ServiceBusSubQueue
from azure.servicebus.exceptions import MessageLockLostError, ServiceBusError

from tests.contract.servicebus.clients import Clients, body, one, some, until
from tests.contract.servicebus.emulator import EmulatorProcess, Queues, write_config

QUEUES: Queues = {
    "plain": {"MaxDeliveryCount": 5, "RequiresDuplicateDetection": True},
    "steps": {"RequiresSession": True},
}
DEAD = ServiceBusSubQueue.DEAD_LETTER
pytestmark = pytest.mark.filterwarnings("ignore:unclosed <socket:ResourceWarning")


@pytest.fixture(autouse=True)
def _broken_connections() -> Iterator[None]:
    """The SDK leaves the socket of a connection that broke to the garbage collector."""
    yield
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        gc.collect()


def later() -> datetime:
    return datetime.now(UTC) + timedelta(hours=1)


def test_a_kill_while_messages_are_sent_loses_none_that_was_acknowledged(tmp_path: Path) -> None:
    config, data = write_config(tmp_path, QUEUES), tmp_path / "data"
    acknowledged: list[str] = []

    def send(connection_string: str) -> None:
        client = ServiceBusClient.from_connection_string(connection_string, retry_total=0)
        with client, client.get_queue_sender("plain") as sender:
            for number in range(100_000):
                try:
                    sender.send_messages(ServiceBusMessage(f"{number}"))
                except ServiceBusError:
                    return
                acknowledged.append(f"{number}")

    with EmulatorProcess(data, config) as process:
        sending = threading.Thread(target=send, args=(process.connection_string,))
        sending.start()
        until(lambda: len(acknowledged) >= 300)
        process.kill()
        sending.join()
    with EmulatorProcess(data, config) as again, Clients(again.connection_string) as clients:
        receiver = clients.receiver("plain")
        found = some(receiver, len(acknowledged))
        assert [str(message) for message in found][: len(acknowledged)] == acknowledged
        assert all(message.delivery_count == 0 for message in found)


def test_everything_is_as_it_was(tmp_path: Path) -> None:
    config, data = write_config(tmp_path, QUEUES), tmp_path / "data"
    with EmulatorProcess(data, config) as process, Clients(process.connection_string) as before:
        number = _leave_something_everywhere(before)
        process.kill()
    with EmulatorProcess(data, config) as process, Clients(process.connection_string) as after:
        _find_it_again(after, number)


def _leave_something_everywhere(clients: Clients) -> int:
    sender, receiver = clients.sender("plain"), clients.receiver("plain")
    sender.send_messages(ServiceBusMessage("done", message_id="same"))
    sender.send_messages([ServiceBusMessage(text) for text in ("dead", "locked", "again")])
    receiver.complete_message(one(receiver))
    receiver.dead_letter_message(one(receiver), reason="Odd", error_description="It is.")
    one(receiver)  # locked, and nothing more
    again = one(receiver)
    receiver.abandon_message(again)
    receiver.abandon_message(one(receiver))
    sender.schedule_messages(ServiceBusMessage("much later"), later())
    with clients.client.get_queue_receiver("steps", session_id="s") as steps:
        steps.session.set_state(b"step 2")
    assert again.sequence_number
    return again.sequence_number


def _find_it_again(clients: Clients, number: int) -> None:
    receiver = clients.receiver("plain")
    locked, again = sorted(some(receiver, 2), key=lambda message: message.sequence_number or 0)
    assert (body(locked), body(again)) == (b"locked", b"again")
    assert (again.sequence_number, again.delivery_count) == (number, 2)
    assert locked.delivery_count in (0, 1)
    (scheduled,) = (m for m in receiver.peek_messages() if str(m) == "much later")
    clients.sender("plain").cancel_scheduled_messages(scheduled.sequence_number or 0)
    dead = one(clients.receiver("plain", sub_queue=DEAD))
    assert (body(dead), dead.dead_letter_reason) == (b"dead", "Odd")
    clients.sender("plain").send_messages(ServiceBusMessage("done again", message_id="same"))
    with clients.client.get_queue_receiver("steps", session_id="s") as steps:
        assert steps.session.get_state() == b"step 2"
    clients.sender("plain").send_messages(ServiceBusMessage("new"))
    new = one(receiver)
    assert (new.sequence_number or 0) > number


def test_a_lock_from_before_is_lost(tmp_path: Path) -> None:
    config, data = write_config(tmp_path, QUEUES), tmp_path / "data"
    with EmulatorProcess(data, config) as process:
        client = ServiceBusClient.from_connection_string(
            process.connection_string, retry_backoff_factor=0.1
        )
        with client, client.get_queue_receiver("plain") as receiver:
            with client.get_queue_sender("plain") as sender:
                sender.send_messages(ServiceBusMessage("mine"))
            message = one(receiver)
            process.kill()
            with EmulatorProcess(data, config, process.port):
                with pytest.raises(MessageLockLostError):
                    receiver.complete_message(message)
                # The same receiver goes on with the emulator that came back.
                assert body(one(receiver)) == b"mine"


def test_it_ends_cleanly_on_sigterm(tmp_path: Path) -> None:
    config = write_config(tmp_path, QUEUES)
    with (
        EmulatorProcess(tmp_path / "data", config) as process,
        Clients(process.connection_string) as clients,
    ):
        clients.sender("plain").send_messages(ServiceBusMessage("x"))
        assert process.terminate() == 0


def _start(folder: Path, config: Path, port: int = 0) -> "subprocess.CompletedProcess[str]":
    words = ["--port", str(port), "--config", str(config), "--data", str(folder)]
    command = [sys.executable, "-m", "retrain.local.servicebus", *words]
    return subprocess.run(command, capture_output=True, text=True, timeout=20, check=False)


def test_a_second_emulator_on_the_same_folder_or_port_is_refused(tmp_path: Path) -> None:
    config, data = write_config(tmp_path, QUEUES), tmp_path / "data"
    with EmulatorProcess(data, config) as process:
        same_folder = _start(data, config)
        same_port = _start(tmp_path / "other", config, process.port)
    for ended, word in ((same_folder, str(data)), (same_port, str(process.port))):
        assert ended.returncode not in (0, None)
        assert word in ended.stderr
        assert "Traceback" not in ended.stderr


def test_a_data_folder_that_is_none(tmp_path: Path) -> None:
    config, data = write_config(tmp_path, QUEUES), tmp_path / "data"
    with EmulatorProcess(data, config):
        pass
    for path in data.rglob("*.*"):
        path.write_bytes(b"this is no database at all" * 100)
    ended = _start(data, config)
    assert ended.returncode not in (0, None)
    assert str(data) in ended.stderr
    assert "Traceback" not in ended.stderr
