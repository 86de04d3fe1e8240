"""A host whose Service Bus and Blob Storage run elsewhere: each comes and goes by itself."""

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest
from azure.servicebus import ServiceBusClient, ServiceBusMessage
from azure.storage.blob import BlobServiceClient

from retrain.local.azurite import AzuriteServer
from retrain.local.azurite.webhook import Webhook
from retrain.local.host.keys import keep_keys
from retrain.local.servicebus import ServiceBusServer
from tests.contract.host.stage import Stage, until
from tests.contract.host.test_alone import Host, running
from tests.contract.host.test_real_services import HOST_JSON, a_bus, seen
from tests.flow.local_stack import free_ports

APP = """
    import json, os, pathlib
    app = func.FunctionApp()
    seen = pathlib.Path(__file__).parent / "seen"

    def note(*what):
        with seen.open("a") as out:
            out.write(json.dumps(what) + "\\n")

    @app.service_bus_queue_trigger("msg", "S", "plain", data_type=func.DataType.BINARY)
    def plain(msg: func.ServiceBusMessage):
        note("plain", msg.get_body().decode(), msg.message_id, msg.subject,
             msg.application_properties, msg.delivery_count)

    @app.service_bus_queue_trigger("msg", "S", "sessions", is_sessions_enabled=True,
                                   data_type=func.DataType.BINARY)
    def sessions(msg: func.ServiceBusMessage):
        note(msg.session_id, msg.get_body().decode(), msg.delivery_count)
        if msg.get_body() == b"2" and msg.delivery_count == 1:
            raise RuntimeError("once")

    @app.blob_trigger("blob", "data/{name}", "B", source=func.BlobSource.EVENT_GRID)
    def landed(blob: func.InputStream):
        note("blob", blob.name, blob.read().decode())
"""


class Elsewhere:
    """Services on the stage, and the host's port, which stays the same over its lives."""

    def __init__(self, stage: Stage, folder: Path) -> None:
        self.stage, self.folder = stage, folder
        self.root = stage.app(APP, HOST_JSON)
        self.bus: ServiceBusServer = a_bus(stage)
        self.azurite: AzuriteServer = stage.azurite()
        (self.port,) = free_ports(1)
        keys = keep_keys(folder / "data" / "host" / "keys.json")
        self.webhook = Webhook(f"{self.url}?code={keys.now.master}")
        stage.run(self._tell())

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/runtime/webhooks/blobs"

    async def _tell(self) -> None:
        await self.azurite.reader.create("data")
        self.azurite.events.subscribe(self.webhook, ["data"])
        await self.azurite.events.start()

    async def end(self) -> None:
        await self.azurite.events.stop()
        await self.webhook.close()

    @contextmanager
    def host(self) -> Iterator[Host]:
        places = ("--root", str(self.root), "--data", str(self.folder / "data"))
        bus = ("--servicebus", self.bus.connection_string)
        blob = ("--blob", self.azurite.connection_string)
        with running(*places, *bus, *blob, "--port", str(self.port)) as host:
            host.after("Ctrl-C")
            yield host

    def upload(self, name: str, content: bytes) -> None:
        with BlobServiceClient.from_connection_string(self.azurite.connection_string) as blobs:
            blobs.get_blob_client("data", name).upload_blob(content)

    def send(self, queue: str, *messages: ServiceBusMessage) -> None:
        with (
            ServiceBusClient.from_connection_string(self.bus.connection_string) as client,
            client.get_queue_sender(queue) as sender,
        ):
            sender.send_messages(list(messages))


@pytest.fixture
def elsewhere(stage: Stage, tmp_path: Path) -> Iterator[Elsewhere]:
    made = Elsewhere(stage, tmp_path)
    yield made
    stage.run(made.end())


def test_messages_come_over_the_wire(elsewhere: Elsewhere, tmp_path: Path) -> None:
    properties: dict[str | bytes, Any] = {"n": 1, "s": "x"}
    hello = ServiceBusMessage(
        b"hello", message_id="m1", subject="greeting", application_properties=properties
    )
    steps = [ServiceBusMessage(f"{n}", session_id=name) for n in (1, 2, 3) for name in "ab"]
    with elsewhere.host():
        elsewhere.send("plain", hello)
        elsewhere.send("sessions", *steps)
        until(lambda: len(seen(tmp_path)) == 9, "all messages", 60)
    assert ["plain", "hello", "m1", "greeting", properties, 1] in seen(tmp_path)
    for name in "ab":
        mine = [line[1:] for line in seen(tmp_path) if line[0] == name]
        assert mine == [["1", 1], ["2", 1], ["2", 2], ["3", 1]]


def test_what_landed_while_the_host_was_away_is_told_once_it_is_there(
    elsewhere: Elsewhere, tmp_path: Path
) -> None:
    elsewhere.upload("a b.txt", b"before")
    with elsewhere.host():
        until(lambda: ["blob", "data/a b.txt", "before"] in seen(tmp_path), "the first blob", 60)
    elsewhere.upload("x/y.txt", b"between")
    with elsewhere.host():
        until(lambda: ["blob", "data/x/y.txt", "between"] in seen(tmp_path), "the second", 60)


def test_a_bus_that_comes_back_is_listened_to_again(
    elsewhere: Elsewhere, stage: Stage, tmp_path: Path
) -> None:
    with elsewhere.host():
        elsewhere.send("plain", ServiceBusMessage("one"))
        until(lambda: len(seen(tmp_path)) == 1, "the first message", 60)
        settings = elsewhere.bus.settings
        port = elsewhere.bus.port
        stage.stop(elsewhere.bus)
        elsewhere.bus = stage.start(ServiceBusServer(replace(settings, port=port)))
        elsewhere.send("plain", ServiceBusMessage("two"))
        elsewhere.send("sessions", ServiceBusMessage("three", session_id="s"))
        until(lambda: len(seen(tmp_path)) == 3, "the messages after it", 60)


def test_who_has_no_key_tells_nothing(elsewhere: Elsewhere, client: httpx.Client) -> None:
    with elsewhere.host():
        assert client.post(elsewhere.url, content=b"[]").status_code == 401
        keys = keep_keys(elsewhere.folder / "data" / "host" / "keys.json").now
        mine = {"x-functions-key": keys.master}
        for body, status in ((b"[]", 200), (b"no", 400), (b'[{"eventType": 1}]', 200)):
            assert client.post(elsewhere.url, content=body, headers=mine).status_code == status
        odd = json.dumps([{"eventType": "Microsoft.Storage.BlobCreated", "subject": "/x"}])
        assert client.post(elsewhere.url, content=odd, headers=mine).status_code == 400


def test_a_connection_string_without_an_address_is_refused(tmp_path: Path) -> None:
    said = subprocess.run(
        [
            *(sys.executable, "-m", "retrain.local.host", "--data", str(tmp_path)),
            *("--blob", "UseDevelopmentStorage=true"),
        ],
        capture_output=True,
        text=True,
    )
    assert said.returncode == 1
    assert "names no BlobEndpoint" in said.stderr
    assert "Traceback" not in said.stderr
