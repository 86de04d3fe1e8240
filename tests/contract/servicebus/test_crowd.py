"""Many clients at once: no message lost, none delivered twice unless its lock ran out."""

import threading
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import datetime, timedelta
from functools import partial
from itertools import pairwise

import pytest
from azure.servicebus import (
    NEXT_AVAILABLE_SESSION,
    ServiceBusClient,
    ServiceBusMessage,
    ServiceBusReceivedMessage,
    ServiceBusReceiver,
)
from azure.servicebus.exceptions import MessageLockLostError, OperationTimeoutError

from tests.contract.servicebus.emulator import EmulatorProcess, Queues, write_config

pytestmark = pytest.mark.xdist_group("servicebus crowd")
QUEUES: Queues = {
    "crowd": {"LockDuration": "PT5M"},
    "brief": {"LockDuration": "PT2S", "MaxDeliveryCount": 1000},
    "steps": {"RequiresSession": True, "LockDuration": "PT5M"},
}
SENDERS, EACH = 50, 60


@pytest.fixture(scope="module")
def connection(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Of an emulator in a process of its own."""
    folder = tmp_path_factory.mktemp("crowd")
    with EmulatorProcess(folder / "data", write_config(folder, QUEUES)) as process:
        yield process.connection_string


def at_once(work: Iterable[Callable[[], None]]) -> None:
    """Each in a thread; raises what one of them raised."""
    with ThreadPoolExecutor(max_workers=64) as pool:
        for done in [pool.submit(each) for each in work]:
            done.result()


def send(connection: str, queue: str, name: str, count: int, session: str | None = None) -> None:
    with (
        ServiceBusClient.from_connection_string(connection) as client,
        client.get_queue_sender(queue) as sender,
    ):
        for number in range(count):
            body = f"{name} {number}"
            sender.send_messages(ServiceBusMessage(body, message_id=body, session_id=session))


class Ledger:
    """What was received, and what of it was completed, by whoever; enough: how many to complete.

    received: by body, each delivery's count and the end of its lock. begun: something was received.
    """

    def __init__(self, enough: int) -> None:
        self._lock = threading.Lock()
        self._enough = enough
        self.received: dict[str, list[tuple[int, datetime]]] = defaultdict(list)
        self.numbers: list[int] = []
        self.begun = threading.Event()
        self.completed: Counter[str] = Counter()

    @property
    def done(self) -> bool:
        return self.completed.total() >= self._enough

    def got(self, message: ServiceBusReceivedMessage) -> None:
        assert message.locked_until_utc
        assert message.sequence_number
        delivery = message.delivery_count or 0, message.locked_until_utc
        with self._lock:
            self.received[str(message)].append(delivery)
            self.numbers.append(message.sequence_number)
        self.begun.set()

    def ended(self, message: ServiceBusReceivedMessage) -> None:
        with self._lock:
            self.completed[str(message)] += 1


@contextmanager
def receiver(connection: str, queue: str, prefetch: int) -> Iterator[ServiceBusReceiver]:
    with (
        ServiceBusClient.from_connection_string(connection) as client,
        client.get_queue_receiver(queue, prefetch_count=prefetch) as made,
    ):
        yield made


def receive(connection: str, ledger: Ledger, prefetch: int) -> None:
    """Complete what comes until all is completed."""
    deadline = time.monotonic() + 120
    with receiver(connection, "crowd", prefetch) as taker:
        while not ledger.done and time.monotonic() < deadline:
            for message in taker.receive_messages(20, max_wait_time=0.5):
                ledger.got(message)
                taker.complete_message(message)
                ledger.ended(message)


def test_competing_receivers_get_each_message_once(connection: str) -> None:
    ledger = Ledger(SENDERS * EACH)
    names = [f"sender {number}" for number in range(SENDERS)]
    sending = [partial(send, connection, "crowd", name, EACH) for name in names]
    receiving = [partial(receive, connection, ledger, ahead) for ahead in (0, 0, 10, 10, 40)]
    at_once(sending + receiving)
    sent = {f"{name} {number}" for name in names for number in range(EACH)}
    assert set(ledger.completed) == sent
    assert set(ledger.completed.values()) == {1}
    assert {len(deliveries) for deliveries in ledger.received.values()} == {1}
    assert len(set(ledger.numbers)) == len(ledger.numbers) == len(sent)
    with receiver(connection, "crowd", 0) as nothing:
        assert nothing.peek_messages() == []


def _dawdle(connection: str, ledger: Ledger) -> None:
    """Hold messages beyond their locks, then try to complete them."""
    with receiver(connection, "brief", 0) as taker:
        for _ in range(2):
            held = taker.receive_messages(20, max_wait_time=1)
            for message in held:
                ledger.got(message)
            time.sleep(2.5)
            for message in held:
                with pytest.raises(MessageLockLostError):
                    taker.complete_message(message)


def _work(connection: str, ledger: Ledger) -> None:
    deadline = time.monotonic() + 120
    assert ledger.begun.wait(60)
    with receiver(connection, "brief", 0) as taker:
        while not ledger.done and time.monotonic() < deadline:
            for message in taker.receive_messages(5, max_wait_time=0.5):
                ledger.got(message)
                try:
                    taker.complete_message(message)
                except MessageLockLostError:
                    continue  # the machine was too slow
                ledger.ended(message)


def test_a_message_comes_again_only_after_its_lock(connection: str) -> None:
    count = 200
    send(connection, "brief", "message", count)
    ledger = Ledger(count)
    at_once([lambda: _dawdle(connection, ledger), *[lambda: _work(connection, ledger)] * 3])
    assert set(ledger.completed.values()) == {1}
    assert len(ledger.completed) == count
    again = [sorted(each) for each in ledger.received.values() if len(each) > 1]
    assert again
    for deliveries in again:
        assert [count for count, _ in deliveries] == list(range(len(deliveries)))
        for (_, earlier), (_, later) in pairwise(deliveries):
            # The lock begins when the one before it has ended.
            assert later - timedelta(seconds=2) >= earlier - timedelta(milliseconds=2)


def _take_sessions(connection: str, seen: dict[str, list[str]], lock: threading.Lock) -> None:
    client = ServiceBusClient.from_connection_string(connection, retry_total=0)
    with client:
        while True:
            taker = client.get_queue_receiver(
                "steps", session_id=NEXT_AVAILABLE_SESSION, max_wait_time=1
            )
            try:
                with taker:
                    for message in taker:
                        with lock:
                            seen[str(message.session_id)].append(str(message))
                        taker.complete_message(message)
            except OperationTimeoutError:
                return


def test_a_session_is_in_order_however_many_receive(connection: str) -> None:
    sessions = [f"session {number}" for number in range(6)]
    at_once(partial(send, connection, "steps", each, 40, each) for each in sessions)
    seen: dict[str, list[str]] = defaultdict(list)
    lock = threading.Lock()
    at_once([lambda: _take_sessions(connection, seen, lock)] * 3)
    assert set(seen) == set(sessions)
    for session, bodies in seen.items():
        assert bodies == [f"{session} {number}" for number in range(40)]
