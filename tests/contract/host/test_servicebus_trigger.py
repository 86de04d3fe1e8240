"""Service Bus functions: what is settled how, how many at once, in which order."""

import json
from typing import Any

import httpx
import pytest

from retrain.local.host import FunctionsHost
from tests.contract.host.queue_twin import QueueTwin
from tests.contract.host.stage import Stage, until

APP = """
    import json, pathlib, threading
    app = func.FunctionApp(http_auth_level="ANONYMOUS")
    seen = pathlib.Path(__file__).parent / "seen"
    go_on = threading.Event()
    running = []

    def note(what):
        with seen.open("a") as out:
            out.write(json.dumps(what) + "\\n")

    @app.route("go_on")
    def let_it(req): go_on.set()

    @app.service_bus_queue_trigger("msg", "S", "plain", data_type=func.DataType.BINARY)
    def plain(msg: func.ServiceBusMessage):
        body = msg.get_body().decode()
        note([body, msg.delivery_count])
        if body == "describe":
            note([msg.message_id, msg.session_id, msg.subject, msg.label, msg.content_type,
                  msg.application_properties, msg.sequence_number, msg.lock_token,
                  msg.enqueued_time_utc.isoformat(), msg.locked_until])
        if body == "wait":
            go_on.wait(20)
        if body == "fail twice" and msg.delivery_count < 3:
            raise RuntimeError("not yet")

    @app.service_bus_queue_trigger("msg", "S", "text")
    def text(msg: func.ServiceBusMessage):
        note([msg.get_body().decode(), msg.message_id, msg.subject])

    @app.service_bus_queue_trigger("msg", "S", "sessions", is_sessions_enabled=True,
                                   data_type=func.DataType.BINARY)
    async def sessions(msg: func.ServiceBusMessage):
        body = msg.get_body().decode()
        note([msg.session_id, body, msg.delivery_count])
        if body == "once more" and msg.delivery_count == 1:
            raise RuntimeError("not yet")
        if body == "wait":
            import asyncio
            await asyncio.to_thread(go_on.wait, 20)
"""


class Bus:
    """The app's three queues and its host."""

    def __init__(self, stage: Stage, lock_seconds: float = 60, **options: Any) -> None:
        self.queues = {name: QueueTwin(lock_seconds) for name in ("plain", "text", "sessions")}
        self._stage = stage
        service_bus = {"sessionIdleTimeout": "00:00:00.100", **options}
        content = {"version": "2.0", "extensions": {"serviceBus": service_bus}}
        self.host: FunctionsHost = stage.host(
            APP, content, listeners=self.queues.__getitem__, stop_seconds=0.5
        )

    def put(self, queue: str, *bodies: str, session: str | None = None) -> list[Any]:
        twin = self.queues[queue]

        async def put() -> list[Any]:
            return twin.put(*(body.encode() for body in bodies), session=session)

        return self._stage.run(put())

    def seen(self) -> list[Any]:
        file = self._stage.folder / "app" / "seen"
        return [json.loads(line) for line in file.read_text().splitlines()] if file.exists() else []

    def go_on(self, client: httpx.Client) -> None:
        assert client.get(f"{self.host.url}/api/go_on").status_code == 204


def test_success_completes_and_the_message_is_the_workers(stage: Stage) -> None:
    bus = Bus(stage)
    (message,) = bus.put("plain", "describe")
    until(lambda: message.completed)
    assert bus.seen() == [
        ["describe", 1],
        [
            *("m1", None, "hello", "hello", "application/json", {"a": 1, "b": "x"}, 7),
            *("the-token", "2026-03-04T12:00:00.123456+00:00", None),
        ],
    ]


def test_a_failure_abandons_and_the_message_comes_again(stage: Stage) -> None:
    bus = Bus(stage)
    (message,) = bus.put("plain", "fail twice")
    until(lambda: message.completed)
    assert bus.seen() == [["fail twice", 1], ["fail twice", 2], ["fail twice", 3]]
    until(lambda: bus.host.invocations == {("plain", "failed"): 2, ("plain", "succeeded"): 1})


def test_a_text_body_overwrites_metadata_as_it_does_in_azure(stage: Stage) -> None:
    bus = Bus(stage)
    body = '{"messageid": "not mine", "Subject": "other"}'
    (message,) = bus.put("text", body)
    until(lambda: message.completed)
    assert bus.seen() == [[body, "not mine", "other"]]
    bus.put("text", "[1]", "no json", '"text"')
    until(lambda: len(bus.seen()) == 4)
    assert [line[2] for line in bus.seen()[1:]] == ["hello"] * 3


def test_a_session_keeps_its_order_a_failed_message_first(stage: Stage) -> None:
    bus = Bus(stage)
    messages = bus.put("sessions", "1", "once more", "3", session="a")
    until(lambda: all(message.completed for message in messages))
    expected = [["a", "1", 1], ["a", "once more", 1], ["a", "once more", 2], ["a", "3", 1]]
    assert bus.seen() == expected
    until(lambda: bus.queues["sessions"].closed == ["a"])


def test_sessions_run_beside_each_other_up_to_the_limit(stage: Stage, client: httpx.Client) -> None:
    bus = Bus(stage, maxConcurrentSessions=2)
    for name in ("a", "b", "c"):
        bus.put("sessions", "wait", "after", session=name)
    until(lambda: len(bus.seen()) == 2)
    assert {line[0] for line in bus.seen()} == {"a", "b"}
    assert bus.queues["sessions"].held == {"a", "b"}
    bus.go_on(client)
    until(lambda: len(bus.queues["sessions"].settled) == 6)
    for name in ("a", "b", "c"):
        assert [line[1] for line in bus.seen() if line[0] == name] == ["wait", "after"]


def test_calls_run_beside_each_other_up_to_the_limit(stage: Stage, client: httpx.Client) -> None:
    bus = Bus(stage, maxConcurrentCalls=3)
    bus.put("plain", *["wait"] * 5)
    until(lambda: len(bus.seen()) == 3)
    assert len(bus.queues["plain"].waiting) == 2
    bus.go_on(client)
    until(lambda: len(bus.queues["plain"].settled) == 5)


@pytest.mark.parametrize("queue", ["plain", "sessions"])
def test_locks_are_renewed_while_the_function_runs(
    stage: Stage, client: httpx.Client, queue: str
) -> None:
    bus = Bus(stage, lock_seconds=0.2)
    (message,) = bus.put(queue, "wait", session="a" if queue == "sessions" else None)
    until(lambda: len(bus.seen()) == 1)
    renewed = message.locked_until
    if queue == "plain":
        until(lambda: message.renewed >= 3)
        renewed = message.renewed
    bus.go_on(client)
    until(lambda: message.completed)
    assert renewed


def test_renewal_ends_after_its_longest_time(stage: Stage, client: httpx.Client) -> None:
    bus = Bus(stage, lock_seconds=0.1, maxAutoLockRenewalDuration="00:00:00.2")
    (message,) = bus.put("plain", "wait")
    until(lambda: message.renewed >= 2)
    bus.put("plain", "describe")
    until(lambda: len(bus.seen()) == 3)
    assert message.renewed <= 4  # 0.2 s at one in 0.05 s
    bus.go_on(client)
    until(lambda: message.completed)


def test_without_auto_complete_only_failures_are_settled(stage: Stage) -> None:
    bus = Bus(stage, autoCompleteMessages=False)
    (message,) = bus.put("plain", "fail twice")
    until(lambda: bus.host.invocations["plain", "succeeded"])
    assert not message.completed


def test_stop_waits_a_while_then_gives_messages_back(stage: Stage, client: httpx.Client) -> None:
    bus = Bus(stage)
    (plain,) = bus.put("plain", "wait")
    (first, second) = bus.put("sessions", "wait", "later", session="a")
    until(lambda: len(bus.seen()) == 2)
    stage.stop(bus.host)
    assert list(bus.queues["plain"].waiting) == [plain]
    assert list(bus.queues["sessions"].waiting) == [first, second]
    assert bus.queues["sessions"].closed == ["a"]
