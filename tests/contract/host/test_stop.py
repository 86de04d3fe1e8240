"""A stop in order: what is under way ends if it does so in time, and else comes again."""

import asyncio
import concurrent.futures
import json
import socket
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest

from retrain.local.host import FunctionsHost
from tests.contract.host.queue_twin import QueueTwin
from tests.contract.host.stage import Stage, until
from tests.contract.host.test_blob_trigger import upload

APP = """
    import builtins, json, pathlib
    app = func.FunctionApp(http_auth_level="ANONYMOUS")
    seen = pathlib.Path(__file__).parent / "seen"
    go_on = builtins.retrain_test_go_on

    def note(*what):
        with seen.open("a") as out:
            out.write(json.dumps(what) + "\\n")

    @app.route("waits")
    def waits(req):
        note("http")
        go_on.wait(20)
        return "done"

    @app.timer_trigger(schedule="0 0 * * * *", arg_name="timer")
    def hourly(timer):
        note("timer", timer.past_due)
        go_on.wait(20)
"""
BLOBS = (
    APP
    + """
    @app.blob_trigger(arg_name="blob", path="data/{name}", connection="S")
    def landed(blob):
        note("blob", blob.name)
        go_on.wait(20)
"""
)


@pytest.fixture
def go_on() -> Any:
    import builtins
    import threading

    made = threading.Event()
    builtins.retrain_test_go_on = made  # type: ignore[attr-defined]
    return made


def seen(folder: Path) -> list[Any]:
    file = folder / "app" / "seen"
    return [json.loads(line) for line in file.read_text().splitlines()] if file.exists() else []


def accepts(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def stopping(stage: Stage, host: FunctionsHost) -> "concurrent.futures.Future[None]":
    return asyncio.run_coroutine_threadsafe(host.stop(), stage.loop)


def test_a_request_under_way_is_answered(stage: Stage, client: httpx.Client, go_on: Any) -> None:
    host = stage.host(APP, stop_seconds=20.0)
    with concurrent.futures.ThreadPoolExecutor() as pool:
        asked = pool.submit(client.get, f"{host.url}/waits")
        until(lambda: seen(stage.folder))
        stopped = stopping(stage, host)
        until(lambda: host.state == "Stopping")
        until(lambda: not accepts(host.port))
        assert not stopped.done()
        go_on.set()
        assert asked.result(20).text == "done"
        stopped.result(20)


def test_a_timers_run_that_is_cut_off_comes_again(stage: Stage, go_on: Any) -> None:
    now = datetime(2026, 3, 4, 12, 30, tzinfo=UTC)
    noted = {"Last": "0001-01-01T00:00:00+00:00", "Next": "2026-03-04T12:00:00+00:00"}
    status = stage.folder / "host" / "timers" / "hourly.json"
    status.parent.mkdir(parents=True)
    status.write_text(json.dumps({**noted, "LastUpdated": "2026-03-04T11:30:00+00:00"}))
    host = stage.host(APP, clock=lambda: now, stop_seconds=0.2)
    until(lambda: seen(stage.folder))
    stage.stop(host)
    go_on.set()
    again = stage.host(APP, clock=lambda: now)
    until(lambda: again.invocations["hourly", "succeeded"])
    assert seen(stage.folder) == [["timer", True]] * 2
    until(lambda: json.loads(status.read_text())["Next"] == "2026-03-04T13:00:00+00:00")


def test_a_blob_that_is_cut_off_is_told_again_at_the_next_start(stage: Stage, go_on: Any) -> None:
    blobs = stage.azurite()
    host = stage.host(BLOBS, blobs=blobs, stop_seconds=0.2)
    upload(blobs, "data/1")
    until(lambda: seen(stage.folder))
    stage.stop(host)
    go_on.set()
    stage.host(BLOBS, blobs=blobs)
    until(lambda: len(seen(stage.folder)) == 2)
    assert seen(stage.folder) == [["blob", "data/1"]] * 2


def test_a_queue_that_is_deleted_and_made_again_is_listened_to_again(stage: Stage) -> None:
    class Gone(QueueTwin):
        async def next(self) -> Any:
            raise LookupError("the queue is gone")

    made: list[QueueTwin] = [Gone(), QueueTwin()]
    queue = made[1]
    host = stage.host(
        """
        app = func.FunctionApp()

        @app.service_bus_queue_trigger("msg", "S", "q")
        def bus(msg): pass
        """,
        listeners=lambda _: made.pop(0),
    )

    async def put() -> None:
        queue.put(b"x")

    stage.run(put())
    until(lambda: queue.settled)
    assert host.invocations["bus", "succeeded"] == 1
