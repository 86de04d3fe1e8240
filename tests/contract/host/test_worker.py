"""The worker's limits: its threads, its time, and what dies with it."""

import concurrent.futures
import threading
from collections.abc import Mapping

import httpx
import pytest

from retrain.local.host.worker import THREADS, thread_count
from tests.contract.host.queue_twin import QueueTwin
from tests.contract.host.stage import Stage, until

APP = """
    import asyncio, builtins, threading
    app = func.FunctionApp(http_auth_level="ANONYMOUS")
    never = threading.Event()
    calls = []
    shared = builtins.retrain_test_worker

    @app.route("slow")
    def slow(req):
        shared.append("slow")
        never.wait(30)

    @app.route("slow_async")
    async def slow_async(req):
        try:
            await asyncio.sleep(30)
        finally:
            shared.append("cancelled")

    @app.route("busy")
    def busy(req):
        try:
            while True:
                never.wait(0.001)
        finally:
            shared.append("ended")

    @app.route("waits")
    async def waits(req):
        shared.append("waits")
        await asyncio.sleep(30)

    @app.route("count")
    def count(req):
        calls.append(1)
        return str(len(calls))

    @app.service_bus_queue_trigger("msg", "S", "q", data_type="BINARY")
    def bus(msg):
        shared.append("bus")
        if msg.delivery_count == 1:
            never.wait(30)
"""


@pytest.fixture
def notes() -> "list[str]":
    """A list that the app of this test sees, whatever becomes of its modules."""
    import builtins

    made: list[str] = []
    builtins.retrain_test_worker = made  # type: ignore[attr-defined]
    return made


def host_json(timeout: str) -> Mapping[str, object]:
    return {"version": "2.0", "functionTimeout": timeout}


@pytest.mark.parametrize("name", ["slow", "slow_async"])
def test_a_function_that_takes_too_long_has_failed(
    stage: Stage,
    client: httpx.Client,
    caplog: pytest.LogCaptureFixture,
    notes: list[str],
    name: str,
) -> None:
    host = stage.host(APP, host_json("00:00:00.2"), listeners=lambda _: QueueTwin())
    assert client.get(f"{host.url}/api/{name}").status_code == 500
    assert host.invocations[name, "timed out"] == 1
    assert "Timeout value of 0.2 s" in caplog.text
    assert ("app/function_app.py:" in caplog.text) == (name == "slow")
    assert "Restarting the worker" in caplog.text


def test_the_worker_begins_anew_and_module_state_is_forgotten(
    stage: Stage, client: httpx.Client, notes: list[str]
) -> None:
    host = stage.host(APP, host_json("00:00:00.5"), listeners=lambda _: QueueTwin())
    assert [client.get(f"{host.url}/api/count").text for _ in range(2)] == ["1", "2"]
    assert client.get(f"{host.url}/api/slow").status_code == 500
    assert client.get(f"{host.url}/api/count").text == "1"
    assert host.status()["state"] == "Running"


def test_a_function_that_is_left_behind_ends_at_its_next_line(
    stage: Stage, client: httpx.Client, notes: list[str]
) -> None:
    host = stage.host(APP, host_json("00:00:00.2"), listeners=lambda _: QueueTwin())
    assert client.get(f"{host.url}/api/busy").status_code == 500
    until(lambda: notes == ["ended"])


def test_other_invocations_die_with_the_worker(
    stage: Stage, notes: list[str], caplog: pytest.LogCaptureFixture
) -> None:
    queue = QueueTwin()
    host = stage.host(APP, host_json("00:00:02"), listeners=lambda _: queue)
    with httpx.Client(trust_env=False, timeout=30) as other:
        pool = concurrent.futures.ThreadPoolExecutor()
        first = pool.submit(other.get, f"{host.url}/api/slow")
        until(lambda: "slow" in notes)
        second = pool.submit(other.get, f"{host.url}/api/waits")

        async def put() -> None:
            queue.put(b"x")

        stage.run(put())
        until(lambda: {"waits", "bus"} <= set(notes))
        assert (first.result().status_code, second.result().status_code) == (500, 500)
        pool.shutdown()
    until(lambda: queue.settled)  # abandoned, and delivered to the next worker
    assert queue.settled[0].delivery_count == 2
    assert host.invocations["slow", "timed out"] == 1
    assert host.invocations["waits", "failed"] == 1
    assert host.invocations["bus", "failed"] == 1
    assert "this invocation was under way in it" in caplog.text


COUNTS = {
    "as set": ({THREADS: "3"}, 3),
    "more than the default's most": ({THREADS: "64"}, 64),
    "no number": ({THREADS: "many"}, None),
    "none": ({THREADS: "0"}, None),
    "not set": ({}, None),
}


@pytest.mark.parametrize(("environment", "count"), COUNTS.values(), ids=COUNTS)
def test_how_many_threads(
    environment: dict[str, str], count: int | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(THREADS, raising=False)
    found = thread_count(environment)
    assert found == count if count else 5 <= found <= 32


def test_sync_functions_share_so_many_threads(stage: Stage) -> None:
    host = stage.host(
        """
        import threading
        app = func.FunctionApp(http_auth_level="ANONYMOUS")
        together = threading.Barrier(2)

        @app.route("meet")
        def meet(req):
            try:
                together.wait(2)
            except threading.BrokenBarrierError:
                return "alone"
            return "met"
        """,
        environment={THREADS: "1"},
    )
    with (
        httpx.Client(trust_env=False, timeout=20) as client,
        concurrent.futures.ThreadPoolExecutor(2) as pool,
    ):
        answers = list(pool.map(lambda _: client.get(f"{host.url}/meet").text, range(2)))
    assert answers == ["alone", "alone"]


def test_an_app_that_ends_the_process_ends_its_own_call_only(
    stage: Stage, client: httpx.Client
) -> None:
    host = stage.host(
        """
        import sys
        app = func.FunctionApp(http_auth_level="ANONYMOUS")

        @app.route("leaves")
        def leaves(req): sys.exit(3)

        @app.route("leaves_async")
        async def leaves_async(req): sys.exit(3)

        @app.route("stays")
        async def stays(req): return "here"
        """
    )
    for name in ("leaves", "leaves_async"):
        assert client.get(f"{host.url}/{name}").status_code == 500
    assert client.get(f"{host.url}/stays").text == "here"
    assert threading.main_thread().is_alive()
