"""SDK clients whose senders and receivers are opened once for many tests.

Opening and closing one costs the SDK a second, so a module's tests share them.
"""

import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from types import TracebackType
from typing import Any, Self

from azure.servicebus import (
    ServiceBusClient,
    ServiceBusReceivedMessage,
    ServiceBusReceiver,
    ServiceBusSender,
)
from azure.servicebus.exceptions import ServiceBusError


class Clients:
    """Senders and receivers by entity, open until the block ends."""

    def __init__(self, connection_string: str) -> None:
        self.client = ServiceBusClient.from_connection_string(connection_string, retry_total=0)
        self._senders: dict[str, ServiceBusSender] = {}
        self._receivers: dict[str, ServiceBusReceiver] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        # Each takes half a second to close, and does not use that time.
        opened = (*self._senders.values(), *self._receivers.values())
        with ThreadPoolExecutor(max_workers=8) as pool:
            list(pool.map(lambda handler: handler.close(), opened))
        self.client.close()

    def warm(self, *opened: ServiceBusSender | ServiceBusReceiver) -> None:
        """Open them all at once."""
        with ThreadPoolExecutor(max_workers=8) as pool:
            list(pool.map(lambda handler: handler.__enter__(), opened))

    def sender(self, queue: str) -> ServiceBusSender:
        if queue not in self._senders:
            self._senders[queue] = self.client.get_queue_sender(queue)
        return self._senders[queue]

    def topic_sender(self, topic: str) -> ServiceBusSender:
        if topic not in self._senders:
            self._senders[topic] = self.client.get_topic_sender(topic)
        return self._senders[topic]

    def subscriber(self, topic: str, subscription: str, **terms: Any) -> ServiceBusReceiver:
        key = f"{topic}/{subscription} {terms}"
        if key not in self._receivers:
            made = self.client.get_subscription_receiver(topic, subscription, **terms)
            self._receivers[key] = made
        return self._receivers[key]

    def receiver(self, queue: str, **terms: Any) -> ServiceBusReceiver:
        key = f"{queue} {terms}"
        if key not in self._receivers:
            self._receivers[key] = self.client.get_queue_receiver(queue, **terms)
        return self._receivers[key]


def one(receiver: ServiceBusReceiver, seconds: float = 30) -> ServiceBusReceivedMessage:
    """The next message, within that time."""
    found = receiver.receive_messages(1, max_wait_time=seconds)
    assert found, "no message came"
    return found[0]


def none(receiver: ServiceBusReceiver, seconds: float = 0.2) -> bool:
    """Whether nothing comes within that time, in which the SDK would also open the link."""
    receiver.__enter__()
    return receiver.receive_messages(1, max_wait_time=seconds) == []


def some(receiver: ServiceBusReceiver, count: int) -> list[ServiceBusReceivedMessage]:
    """So many messages, in however many parts they come.

    Not for receivers that remove as they receive: what comes between two calls the SDK drops.
    """
    found: list[ServiceBusReceivedMessage] = []
    while len(found) < count:
        more = receiver.receive_messages(count - len(found), max_wait_time=30)
        assert more, f"only {len(found)} messages came"
        found += more
    return found


def body(message: ServiceBusReceivedMessage) -> bytes:
    """What was sent as data."""
    return b"".join(message.body)


def refusals(
    client: ServiceBusClient, attempts: Mapping[str, Callable[[ServiceBusClient], object]]
) -> dict[str, str]:
    """What each attempt was refused with: the exception's name and text. All at once: each takes
    the SDK a second."""

    def refused(attempt: Callable[[ServiceBusClient], object]) -> str:
        try:
            attempt(client)
        except ServiceBusError as error:
            return f"{type(error).__name__}: {error}"
        return "it was not refused"

    with ThreadPoolExecutor(max_workers=8) as pool:
        return dict(zip(attempts, pool.map(refused, attempts.values()), strict=True))


def until(true: Callable[[], bool], seconds: float = 10) -> None:
    """Wait until it is true."""
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.01)
