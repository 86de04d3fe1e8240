"""The Service Bus emulator alone, in a process of its own, under the SDK's sync client.

Medians of several rounds. Times alone say little on a shared machine: so the server's CPU is told
beside them, and what a full queue costs is a ratio, its rounds taking turns with an empty one's.
"""

import time
from collections.abc import Iterator
from pathlib import Path
from statistics import median
from typing import Self

import psutil
from azure.servicebus import (
    ServiceBusClient,
    ServiceBusMessage,
    ServiceBusReceiver,
    ServiceBusSender,
)

from tests.bench.measured import Measured
from tests.contract.servicebus.emulator import EmulatorProcess, Queues, write_config

ROUNDS = 5
COUNT = 1000
TRIPS = 200
QUEUED = 100_000
BODY = b"x" * 100
_QUEUES: Queues = {"bench": {}, "full": {"MaxSizeInMegabytes": 5120}}


def measure(folder: Path) -> Iterator[Measured]:
    config, data = write_config(folder, _QUEUES), folder / "data"
    with EmulatorProcess(data, config) as process:
        server = psutil.Process(process.pid)
        with (
            ServiceBusClient.from_connection_string(process.connection_string) as client,
            client.get_queue_sender("bench") as sender,
            client.get_queue_receiver("bench") as receiver,
        ):
            _trips(sender, receiver)  # warm
            yield from _rates(server, sender, receiver)
            yield "servicebus_idle_rss", _megabytes(server), "MB"
            with (
                client.get_queue_sender("full") as filling,
                client.get_queue_receiver("full") as full,
            ):
                yield from _full(server, filling)
                rounds = [(_trips(sender, receiver), _trips(filling, full)) for _ in range(ROUNDS)]
        yield "servicebus_round_trip_p50", median(empty for empty, _ in rounds), "ms"
        ratio = median(full / empty for empty, full in rounds)
        yield "servicebus_round_trip_behind_100000", ratio, "ratio"
        process.terminate()
    began = time.perf_counter()
    with EmulatorProcess(data, config) as process:
        yield "servicebus_start_with_100000", time.perf_counter() - began, "s"
        yield "servicebus_started_rss", _megabytes(psutil.Process(process.pid)), "MB"


def _rates(
    server: psutil.Process, sender: ServiceBusSender, receiver: ServiceBusReceiver
) -> Iterator[Measured]:
    sends, receives = [], []
    for _ in range(ROUNDS):
        with _Stretch(server) as stretch:
            for _ in range(COUNT):
                sender.send_messages(ServiceBusMessage(BODY))
        sends.append(stretch)
        with _Stretch(server) as stretch:
            received = 0
            while received < COUNT:
                for message in receiver.receive_messages(100, max_wait_time=5):
                    receiver.complete_message(message)
                    received += 1
        receives.append(stretch)
    for name, rounds in (("single_sends", sends), ("receive_100_complete", receives)):
        yield f"servicebus_{name}", median(COUNT / each.seconds for each in rounds), "1/s"
        cpu = median(each.cpu for each in rounds) / COUNT * 1e6
        yield f"servicebus_{name}_server_cpu", cpu, "us"


class _Stretch:
    """How long it took, and how much of it the server's CPU worked."""

    def __init__(self, server: psutil.Process) -> None:
        self._server = server
        self.seconds = self.cpu = 0.0

    def __enter__(self) -> Self:
        self._began, self._worked = time.perf_counter(), self._cpu()
        return self

    def __exit__(self, *_: object) -> None:
        self.seconds = time.perf_counter() - self._began
        self.cpu = self._cpu() - self._worked

    def _cpu(self) -> float:
        times = self._server.cpu_times()
        return float(times.user + times.system)


def _full(server: psutil.Process, sender: ServiceBusSender) -> Iterator[Measured]:
    before = _megabytes(server)
    for _ in range(QUEUED // COUNT):
        sender.send_messages([ServiceBusMessage(BODY) for _ in range(COUNT)])
    after = _megabytes(server)
    yield "servicebus_rss_with_100000", after, "MB"
    yield "servicebus_rss_growth_by_100000", after - before, "MB"


def _trips(sender: ServiceBusSender, receiver: ServiceBusReceiver) -> float:
    """Send, receive, complete, one after another: the median of each, in milliseconds."""
    times = []
    for _ in range(TRIPS):
        began = time.perf_counter()
        sender.send_messages(ServiceBusMessage(BODY))
        receiver.complete_message(receiver.receive_messages(1)[0])
        times.append(time.perf_counter() - began)
    return median(times) * 1000


def _megabytes(process: psutil.Process) -> float:
    return float(process.memory_info().rss) / (1 << 20)
