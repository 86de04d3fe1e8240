"""The host's own paths: who may ask, what they tell, what they do."""

import json
from pathlib import Path
from typing import Any

import httpx
import pytest

from retrain.local.host import FunctionsHost
from tests.contract.host.queue_twin import QueueTwin
from tests.contract.host.stage import Stage, until
from tests.contract.host.test_blob_trigger import upload

APP = """
    import json, pathlib, threading
    app = func.FunctionApp(http_auth_level="ANONYMOUS")
    seen = pathlib.Path(__file__).parent / "seen"
    go_on = threading.Event()

    def note(*what):
        with seen.open("a") as out:
            out.write(json.dumps(what) + "\\n")

    @app.timer_trigger(schedule="0 0 0 1 1 *", arg_name="timer")
    def yearly(timer): note("timer", timer.past_due)

    @app.service_bus_queue_trigger("msg", "S", "q")
    def bus(msg):
        note("bus", msg.get_body().decode(), msg.message_id, msg.delivery_count,
             msg.application_properties, msg.enqueued_time_utc.year)
        if msg.get_body() == b"wait":
            go_on.wait(20)

    @app.route("items/{id}", methods=["GET"])
    def web(req): return "here"

    @app.route("go_on")
    def let_it(req): go_on.set()
"""
BLOBS = (
    APP
    + """
    @app.blob_trigger(arg_name="blob", path="data/{name}", connection="S")
    def landed(blob):
        note("blob", blob.name, blob.read().decode())
        if blob.name.endswith("bad"):
            raise RuntimeError("not this one")
"""
)


class Asker:
    """Somebody who holds the master key of a host."""

    def __init__(self, host: FunctionsHost, client: httpx.Client) -> None:
        self._client = client
        self._headers = {"x-functions-key": host.keys.master}
        self.url = f"{host.url}/admin"

    def __call__(self, method: str, path: str, content: Any = None) -> httpx.Response:
        return self._client.request(
            method, f"{self.url}/{path}", headers=self._headers, json=content
        )


def seen(folder: Path) -> list[Any]:
    file = folder / "app" / "seen"
    return [json.loads(line) for line in file.read_text().splitlines()] if file.exists() else []


OPEN = {
    "no key": ({}, "host/status", 401),
    "the host key is no master": ({"x-functions-key": "default"}, "host/status", 401),
    "the master key": ({"x-functions-key": "master"}, "host/status", 200),
    "the master key, whatever the case": ({"x-functions-key": "master"}, "Host/Status/", 200),
    "ping is for all": ({}, "host/ping", 200),
    "nothing there": ({"x-functions-key": "master"}, "host/nothing", 404),
}


@pytest.mark.parametrize(("headers", "path", "status"), OPEN.values(), ids=OPEN)
def test_who_may_ask(
    stage: Stage, client: httpx.Client, headers: dict[str, str], path: str, status: int
) -> None:
    host = stage.host(APP, listeners=lambda _: QueueTwin())
    real = {"default": host.keys.default, "master": host.keys.master}
    headers = {name: real[value] for name, value in headers.items()}
    assert client.get(f"{host.url}/admin/{path}", headers=headers).status_code == status
    assert client.get(f"{host.url}/admin/{path}?code=x", headers=headers).status_code == status


def test_what_it_tells(stage: Stage, client: httpx.Client) -> None:
    host = stage.host(APP, listeners=lambda _: QueueTwin())
    ask = Asker(host, client)
    status = ask("GET", "host/status").json()
    assert status["state"] == "Running"
    assert status["processUptime"] >= 0
    functions = {one["name"]: one for one in ask("GET", "functions").json()}
    assert list(functions) == ["bus", "let_it", "web", "yearly"]
    assert functions["web"]["invoke_url_template"] == f"{host.url}/items/{{id}}"
    assert functions["bus"]["config"]["bindings"][0]["queueName"] == "q"
    assert ask("GET", "functions/WEB").json() == functions["web"]
    assert ask("GET", "functions/none").status_code == 404
    assert ask("GET", "functions/web/status").json() == {"errors": None}


def test_a_person_may_call_a_timer_and_a_queue_function(stage: Stage, client: httpx.Client) -> None:
    queue = QueueTwin()
    host = stage.host(APP, listeners=lambda _: queue)
    ask = Asker(host, client)
    assert ask("POST", "functions/YEARLY", {}).status_code == 202
    assert ask("POST", "functions/bus", {"input": "by hand"}).status_code == 202
    until(lambda: len(seen(stage.folder)) == 2)
    assert sorted(seen(stage.folder)) == [
        ["bus", "by hand", None, 0, {}, 1],
        ["timer", False],
    ]
    assert not queue.settled


NOT_CALLED: dict[str, tuple[Any, str, int]] = {
    "no body": (None, "yearly", 400),
    "no object": ([1], "yearly", 400),
    "no such function": ({}, "none", 404),
    "an HTTP function has its own URL": ({}, "web", 400),
}


@pytest.mark.parametrize(("content", "name", "status"), NOT_CALLED.values(), ids=NOT_CALLED)
def test_what_can_not_be_called(
    stage: Stage, client: httpx.Client, content: Any, name: str, status: int
) -> None:
    host = stage.host(APP, listeners=lambda _: QueueTwin())
    assert Asker(host, client)("POST", f"functions/{name}", content).status_code == status
    assert not host.invocations


def test_a_poisoned_blob_is_listed_and_may_be_tried_again(
    stage: Stage, client: httpx.Client
) -> None:
    blobs = stage.azurite()
    host = stage.host(
        BLOBS,
        {"version": "2.0", "extensions": {"blobs": {"poisonBlobThreshold": 2}}},
        listeners=lambda _: QueueTwin(),
        blobs=blobs,
    )
    ask = Asker(host, client)
    assert ask("GET", "host/poison").json() == []
    upload(blobs, "data/bad", b"x")
    until(lambda: ask("GET", "host/poison").json())
    (message,) = ask("GET", "host/poison").json()
    assert message["FunctionId"] == "Host.Functions.landed"
    path = f"{message['ContainerName']}/{message['BlobName']}"
    assert ask("POST", "functions/landed", {"input": path}).status_code == 202
    until(lambda: host.invocations["landed", "failed"] == 3)
    assert seen(stage.folder) == [["blob", "data/bad", "x"]] * 3
    assert ask("POST", "functions/landed", {"input": "data/none"}).status_code == 202
    assert len(ask("GET", "host/poison").json()) == 1  # by hand there is no second poison


def test_drain_takes_no_more_and_lets_the_rest_end(stage: Stage, client: httpx.Client) -> None:
    queue = QueueTwin()
    host = stage.host(APP, listeners=lambda _: queue)
    ask = Asker(host, client)

    async def put(body: bytes) -> None:
        queue.put(body)

    assert ask("GET", "host/drain/status").json()["state"] == "Disabled"
    stage.run(put(b"wait"))
    until(lambda: seen(stage.folder))
    assert ask("POST", "host/drain").status_code == 202
    stage.run(put(b"later"))
    assert ask("GET", "host/drain/status").json() == {
        "state": "InProgress",
        "outstandingInvocations": 1,
        "outstandingRetries": 0,
    }
    assert client.get(f"{host.url}/items/1").text == "here"
    client.get(f"{host.url}/go_on")
    until(lambda: ask("GET", "host/drain/status").json()["state"] == "Completed")
    assert [message.body for message in queue.waiting] == [b"later"]
    assert ask("POST", "host/resume").json() == {"state": "Running"}
    until(lambda: len(queue.settled) == 2)
    assert ask("GET", "host/drain/status").json()["state"] == "Disabled"


def test_restart(stage: Stage, client: httpx.Client) -> None:
    host = stage.host(APP, listeners=lambda _: QueueTwin())
    (stage.folder / "app" / "host.json").write_text('{"version": "2.0"}')
    assert Asker(host, client)("POST", "host/restart").status_code == 200
    until(lambda: client.get(f"{host.url}/api/items/1").status_code == 200)
