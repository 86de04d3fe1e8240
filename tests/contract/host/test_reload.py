"""A reload: new code answers, what was under way has ended by the rules, nothing is lost."""

import concurrent.futures
import json
import sys
from pathlib import Path
from typing import Any

import httpx
import pytest

from retrain.local.host import FunctionsHost
from tests.contract.host.queue_twin import Message, QueueTwin
from tests.contract.host.stage import Stage, until
from tests.contract.host.test_blob_trigger import upload

APP = """
    import json, pathlib, threading, builtins
    from rooms import name
    app = func.FunctionApp(http_auth_level="ANONYMOUS")
    go_on = builtins.retrain_test_go_on
    seen = pathlib.Path(__file__).parent / "seen"

    def note(*what):
        with seen.open("a") as out:
            out.write(json.dumps(what) + "\\n")

    @app.route("name")
    def named(req): return name.NAME

    @app.route("waits")
    def waits(req):
        note("http", name.NAME)
        go_on.wait(20)
        return name.NAME

    @app.service_bus_queue_trigger("msg", "S", "q", data_type="BINARY")
    def bus(msg):
        note("bus", name.NAME, msg.get_body().decode(), msg.delivery_count)
        go_on.wait(20)
"""
BLOBS = (
    APP
    + """
    @app.blob_trigger(arg_name="blob", path="data/{name}", connection="S", source="EventGrid")
    def landed(blob):
        note("blob", name.NAME, blob.name)
        go_on.wait(20)
"""
)


class Life:
    """An app whose one constant is changed, and its host."""

    def __init__(self, stage: Stage, source: str = APP, **settings: Any) -> None:
        import builtins
        import threading

        self.go_on = threading.Event()
        builtins.retrain_test_go_on = self.go_on  # type: ignore[attr-defined]
        self.queue = QueueTwin()
        self.stage = stage
        self.root = stage.folder / "app"
        (self.root / "rooms").mkdir(parents=True)
        (self.root / "rooms" / "__init__.py").touch()
        self.write("first")
        self.host: FunctionsHost = stage.host(source, listeners=lambda _: self.queue, **settings)

    def write(self, name: str) -> None:
        (self.root / "rooms" / "name.py").write_text(f'NAME = "{name}"\n')

    def put(self, body: bytes) -> Message:
        async def put() -> Message:
            (message,) = self.queue.put(body)
            return message

        return self.stage.run(put())

    def reload(self) -> "concurrent.futures.Future[None]":
        import asyncio

        return asyncio.run_coroutine_threadsafe(self.host.reload(), self.stage.loop)

    def seen(self) -> list[list[object]]:
        file = self.root / "seen"
        return [json.loads(line) for line in file.read_text().splitlines()] if file.exists() else []


def test_new_code_answers_behind_the_same_port_with_the_same_keys(
    stage: Stage, client: httpx.Client
) -> None:
    life = Life(stage)
    keys, url = life.host.keys, life.host.url
    assert client.get(f"{url}/name").text == "first"
    for name in ("second", "the third"):
        life.write(name)
        life.reload().result(20)
        assert client.get(f"{url}/name").text == name
    assert (life.host.keys, life.host.url) == (keys, url)
    stage.stop(life.host)
    assert not [name for name in sys.modules if name.startswith("rooms")]


def test_what_is_under_way_ends_with_the_old_code_and_what_waits_gets_the_new(
    stage: Stage, client: httpx.Client
) -> None:
    life = Life(stage, stop_seconds=20.0)
    message = life.put(b"1")
    with concurrent.futures.ThreadPoolExecutor() as pool:
        request = pool.submit(client.get, f"{life.host.url}/waits")
        until(lambda: len(life.seen()) == 2)
        life.write("second")
        reloaded = life.reload()
        until(lambda: life.host.state == "Starting")
        later = life.put(b"2")
        with httpx.Client(trust_env=False, timeout=20) as other:
            held = pool.submit(other.get, f"{life.host.url}/name")
            waiting: list[concurrent.futures.Future[Any]] = [held, reloaded]
            assert not concurrent.futures.wait(waiting, timeout=0.3).done
            life.go_on.set()
            assert request.result(20).text == "first"
            assert held.result(20).text == "second"
            reloaded.result(20)
    until(lambda: life.queue.settled == [message, later])
    assert sorted(line for line in life.seen() if line[0] == "bus") == [
        ["bus", "first", "1", 1],
        ["bus", "second", "2", 1],
    ]


def test_what_does_not_end_in_time_is_given_back(stage: Stage) -> None:
    life = Life(stage, stop_seconds=0.2)
    message = life.put(b"1")
    until(lambda: life.seen())
    life.write("second")
    life.reload().result(20)
    until(lambda: len(life.seen()) == 2)
    life.go_on.set()
    until(lambda: message.completed)
    assert life.seen() == [["bus", "first", "1", 1], ["bus", "second", "1", 2]]


@pytest.mark.parametrize("in_time", [True, False])
def test_a_blob_under_way_is_told_once_or_again(
    stage: Stage, tmp_path: Path, *, in_time: bool
) -> None:
    blobs = stage.azurite()
    life = Life(stage, BLOBS, blobs=blobs, stop_seconds=20.0 if in_time else 0.2)
    upload(blobs, "data/1")
    until(lambda: life.seen())
    life.write("second")
    reloaded = life.reload()
    until(lambda: life.host.state == "Starting")
    upload(blobs, "data/2")
    if in_time:
        life.go_on.set()
    reloaded.result(20)
    life.go_on.set()
    told = [["blob", "first", "data/1"], ["blob", "second", "data/2"]]
    if not in_time:
        told.append(["blob", "second", "data/1"])
    until(lambda: len(life.seen()) == len(told))
    assert sorted(life.seen()) == sorted(told)
    upload(blobs, "data/3")
    until(lambda: life.seen()[-1] == ["blob", "second", "data/3"])
    assert len(life.seen()) == len(told) + 1  # none of them twice


def test_broken_code_leaves_a_host_that_says_so_and_waits(
    stage: Stage, client: httpx.Client
) -> None:
    told: list[str] = []
    life = Life(stage, say=told.append)
    url, master = life.host.url, {"x-functions-key": life.host.keys.master}
    (life.root / "rooms" / "name.py").write_text("NAME = (\n")
    life.reload().result(20)
    assert "rooms/name.py:1" in told[-1]
    answer = client.get(f"{url}/name")
    assert (answer.status_code, answer.text) == (503, "Function host is not running.")
    status = client.get(f"{url}/admin/host/status", headers=master).json()
    assert status["state"] == "Error"
    assert status["errors"] == [told[-1]]
    message = life.put(b"1")
    life.write("repaired")
    life.go_on.set()
    life.reload().result(20)
    reloaded, *new = told[-1].splitlines()
    assert reloaded == "Reloaded: 3 functions."
    assert f"  named: [any method] {url}/name" in new
    assert client.get(f"{url}/name").text == "repaired"
    until(lambda: message.completed)
    assert client.get(f"{url}/admin/host/status", headers=master).json()["state"] == "Running"


def test_settings_and_host_json_are_read_again(stage: Stage, client: httpx.Client) -> None:
    life = Life(stage)
    assert client.get(f"{life.host.url}/name").status_code == 200
    (life.root / "host.json").write_text('{"version": "2.0"}')
    (life.root / "local.settings.json").write_text('{"Values": {"RETRAIN_TEST_WHO": "me"}}')
    (life.root / "rooms" / "name.py").write_text(
        'import os\nNAME = os.environ["RETRAIN_TEST_WHO"]\n'
    )
    life.reload().result(20)
    assert client.get(f"{life.host.url}/api/name").text == "me"


def test_code_that_the_stack_has_imported_is_forgotten_too(
    stage: Stage, client: httpx.Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = stage.folder / "app"
    (root / "rooms").mkdir(parents=True)
    (root / "rooms" / "__init__.py").write_text("")
    (root / "rooms" / "early.py").write_text('EARLY = "before"\n')
    monkeypatch.syspath_prepend(str(root))
    import rooms.early  # type: ignore[import-not-found]

    (root / "rooms" / "late.py").touch()
    host = stage.host(
        """
        import rooms.late
        from rooms.early import EARLY
        app = func.FunctionApp(http_auth_level="ANONYMOUS")

        @app.route("early")
        def early(req): return EARLY
        """
    )
    assert client.get(f"{host.url}/early").text == "before" == rooms.early.EARLY
    (root / "rooms" / "early.py").write_text('EARLY = "after, and longer"\n')
    stage.run(host.reload())
    assert client.get(f"{host.url}/early").text == "after, and longer"
    stage.stop(host)
    for name in [name for name in sys.modules if name.startswith("rooms")]:
        del sys.modules[name]
