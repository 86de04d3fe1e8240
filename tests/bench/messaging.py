"""The Service Bus emulator alone, in a process of its own, under the SDK's sync client."""

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from statistics import median

from azure.servicebus import ServiceBusClient, ServiceBusMessage

from tests.bench.measured import Measured
from tests.flow.local_stack import free_ports

COUNT = 2000
_QUEUE = {"UserConfig": {"Namespaces": [{"Name": "bench", "Queues": [{"Name": "bench"}]}]}}


def measure(folder: Path) -> Iterator[Measured]:
    config = folder / "Config.json"
    config.write_text(json.dumps(_QUEUE))
    port = free_ports(1)[0]
    words = ["--port", str(port), "--config", str(config), "--data", str(folder / "data")]
    process = subprocess.Popen(
        [sys.executable, "-m", "retrain.local.servicebus", *words], stdout=subprocess.PIPE
    )
    try:
        assert process.stdout is not None
        assert process.stdout.readline()
        connection = (
            f"Endpoint=sb://127.0.0.1:{port};SharedAccessKeyName=RootManageSharedAccessKey;"
            "SharedAccessKey=SAS_KEY_VALUE;UseDevelopmentEmulator=true"
        )
        with ServiceBusClient.from_connection_string(connection) as client:
            yield from _rates(client)
    finally:
        process.terminate()
        process.communicate()


def _rates(client: ServiceBusClient) -> Iterator[Measured]:
    with client.get_queue_sender("bench") as sender, client.get_queue_receiver("bench") as receiver:
        sender.send_messages(ServiceBusMessage(b"warm"))
        receiver.complete_message(receiver.receive_messages(1)[0])

        began = time.perf_counter()
        for _ in range(COUNT):
            sender.send_messages(ServiceBusMessage(b"x" * 100))
        yield "servicebus_single_sends", COUNT / (time.perf_counter() - began), "1/s"

        began, received = time.perf_counter(), 0
        while received < COUNT:
            for message in receiver.receive_messages(100, max_wait_time=5):
                receiver.complete_message(message)
                received += 1
        yield "servicebus_receive_100_complete", COUNT / (time.perf_counter() - began), "1/s"

        trips = []
        for _ in range(COUNT // 4):
            began = time.perf_counter()
            sender.send_messages(ServiceBusMessage(b"x" * 100))
            receiver.complete_message(receiver.receive_messages(1)[0])
            trips.append(time.perf_counter() - began)
        yield "servicebus_round_trip_p50", median(trips) * 1000, "ms"
