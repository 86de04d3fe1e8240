"""The host on the real things: the SDK sends, the emulator delivers, the function sees."""

import json
from pathlib import Path
from typing import Any

from azure.servicebus import ServiceBusClient, ServiceBusMessage

from retrain.local.servicebus import ServiceBusServer, ServiceBusSettings, parse_config
from tests.contract.host.stage import Stage, until

APP = """
    import json, pathlib
    app = func.FunctionApp()
    seen = pathlib.Path(__file__).parent / "seen"

    def note(*what):
        with seen.open("a") as out:
            out.write(json.dumps(what) + "\\n")

    @app.service_bus_queue_trigger("msg", "S", "plain", data_type=func.DataType.BINARY)
    def plain(msg: func.ServiceBusMessage):
        note(msg.get_body().decode(), msg.message_id, msg.subject, msg.application_properties,
             msg.delivery_count, msg.content_type, msg.enqueued_time_utc.tzinfo is not None)
        if msg.subject == "fails":
            raise RuntimeError("always")

    @app.service_bus_queue_trigger("msg", "S", "sessions", is_sessions_enabled=True,
                                   data_type=func.DataType.BINARY)
    def sessions(msg: func.ServiceBusMessage):
        note(msg.session_id, msg.get_body().decode(), msg.delivery_count)
        if msg.get_body() == b"2" and msg.delivery_count == 1:
            raise RuntimeError("once")
"""
HOST_JSON = {
    "version": "2.0",
    "extensions": {"serviceBus": {"sessionIdleTimeout": "00:00:00.200"}},
}


def queue(name: str, **properties: Any) -> dict[str, Any]:
    return {"Name": name, "Properties": {"MaxDeliveryCount": 3, **properties}}


def a_bus(stage: Stage) -> ServiceBusServer:
    queues = [queue("plain"), queue("sessions", RequiresSession=True)]
    content = {"UserConfig": {"Namespaces": [{"Name": "sbemulatorns", "Queues": queues}]}}
    config = parse_config(content)
    data = stage.folder / "servicebus"
    return stage.start(ServiceBusServer(ServiceBusSettings(data=data, config=config, port=0)))


def seen(folder: Path) -> list[Any]:
    file = folder / "app" / "seen"
    return [json.loads(line) for line in file.read_text().splitlines()] if file.exists() else []


def test_a_message_from_the_sdk_reaches_its_function(stage: Stage, tmp_path: Path) -> None:
    bus = a_bus(stage)
    stage.host(APP, HOST_JSON, listeners=bus.listener)
    with (
        ServiceBusClient.from_connection_string(bus.connection_string) as client,
        client.get_queue_sender("plain") as sender,
    ):
        message = ServiceBusMessage(
            b'{"a": 1}',
            message_id="m1",
            subject="hello",
            content_type="application/json",
            application_properties={"n": 1, "s": "x"},
        )
        sender.send_messages(message)
        until(lambda: seen(tmp_path))
    properties = {"n": 1, "s": "x"}
    assert seen(tmp_path) == [['{"a": 1}', "m1", "hello", properties, 1, "application/json", True]]


def test_what_always_fails_ends_in_the_dead_letter_queue(stage: Stage, tmp_path: Path) -> None:
    bus = a_bus(stage)
    stage.host(APP, HOST_JSON, listeners=bus.listener)
    with ServiceBusClient.from_connection_string(bus.connection_string) as client:
        with client.get_queue_sender("plain") as sender:
            sender.send_messages(ServiceBusMessage(b"x", message_id="m2", subject="fails"))
        with client.get_queue_receiver("plain", sub_queue="deadletter") as receiver:
            (dead,) = receiver.receive_messages(max_wait_time=20)
            assert dead.dead_letter_reason == "MaxDeliveryCountExceeded"
            receiver.complete_message(dead)
    assert [line[4] for line in seen(tmp_path)] == [1, 2, 3]


def test_sessions_in_order_with_a_failure_between(stage: Stage, tmp_path: Path) -> None:
    bus = a_bus(stage)
    stage.host(APP, HOST_JSON, listeners=bus.listener)
    with (
        ServiceBusClient.from_connection_string(bus.connection_string) as client,
        client.get_queue_sender("sessions") as sender,
    ):
        batch = [ServiceBusMessage(f"{n}", session_id=name) for n in (1, 2, 3) for name in "ab"]
        sender.send_messages(batch)
        until(lambda: len(seen(tmp_path)) == 8)
    for name in "ab":
        mine = [line[1:] for line in seen(tmp_path) if line[0] == name]
        assert mine == [["1", 1], ["2", 1], ["2", 2], ["3", 1]]


def test_a_restart_takes_up_what_was_left(stage: Stage, tmp_path: Path) -> None:
    bus = a_bus(stage)
    with (
        ServiceBusClient.from_connection_string(bus.connection_string) as client,
        client.get_queue_sender("plain") as sender,
    ):
        sender.send_messages([ServiceBusMessage(b"x", message_id=f"{n}") for n in range(50)])
    stage.host(APP, HOST_JSON, listeners=bus.listener)
    until(lambda: len(seen(tmp_path)) == 50)
    assert {line[1] for line in seen(tmp_path)} == {f"{n}" for n in range(50)}
