"""cardinality=many: how many at once, what shares whose end; and prefetch, one by one."""

import json
from typing import Any

import pytest

from retrain.local.host import FunctionsHost
from tests.contract.host.queue_twin import Message, QueueTwin
from tests.contract.host.stage import Stage, until

APP = """
    import builtins, json, pathlib
    app = func.FunctionApp()
    seen = pathlib.Path(__file__).parent / "seen"
    go_on = builtins.retrain_test_go_on

    def note(*what):
        with seen.open("a") as out:
            out.write(json.dumps(what) + "\\n")

    @app.service_bus_queue_trigger("msgs", "S", "plain", cardinality="many", data_type="BINARY")
    def plain(msgs: list[func.ServiceBusMessage]):
        bodies = [msg.get_body().decode() for msg in msgs]
        note("plain", bodies, [msg.delivery_count for msg in msgs])
        if "wait" in bodies:
            go_on.wait(20)
        if "describe" in bodies:
            note([(msg.message_id, msg.subject, msg.application_properties, msg.sequence_number,
                   msg.enqueued_time_utc.isoformat(), msg.session_id) for msg in msgs])
        if "fails once" in bodies and msgs[0].delivery_count == 1:
            raise RuntimeError("not yet")

    @app.service_bus_queue_trigger("msgs", "S", "text", cardinality="many")
    def text(msgs):
        note("text", [msg.get_body().decode() for msg in msgs])

    @app.service_bus_queue_trigger("msgs", "S", "sessions", cardinality="many",
                                   is_sessions_enabled=True, data_type="BINARY")
    async def sessions(msgs):
        bodies = [msg.get_body().decode() for msg in msgs]
        note("sessions", [msg.session_id for msg in msgs], bodies)
"""


class Bus:
    """The app's queues and its host."""

    def __init__(self, stage: Stage, lock_seconds: float = 60, **options: Any) -> None:
        import builtins
        import threading

        self.go_on = threading.Event()
        builtins.retrain_test_go_on = self.go_on  # type: ignore[attr-defined]
        self.queues = {name: QueueTwin(lock_seconds) for name in ("plain", "text", "sessions")}
        self._stage = stage
        service_bus = {"sessionIdleTimeout": "00:00:00.100", **options}
        content = {"version": "2.0", "extensions": {"serviceBus": service_bus}}
        self.host: FunctionsHost = stage.host(
            APP, content, listeners=self.queues.__getitem__, stop_seconds=0.5
        )

    def put(self, queue: str, *bodies: str, session: str | None = None) -> list[Message]:
        twin = self.queues[queue]

        async def put() -> list[Message]:
            return twin.put(*(body.encode() for body in bodies), session=session)

        return self._stage.run(put())

    def seen(self) -> list[Any]:
        file = self._stage.folder / "app" / "seen"
        return [json.loads(line) for line in file.read_text().splitlines()] if file.exists() else []


def test_all_there_is_comes_in_one_call(stage: Stage) -> None:
    bus = Bus(stage)
    bus.put("plain", "wait")
    until(lambda: bus.seen())
    bus.put("plain", *"abc")  # one call at a time: these wait for it, and come together
    bus.go_on.set()
    until(lambda: len(bus.queues["plain"].settled) == 4)
    assert bus.seen() == [["plain", ["wait"], [1]], ["plain", ["a", "b", "c"], [1, 1, 1]]]
    assert bus.host.invocations["plain", "succeeded"] == 2


def test_a_call_takes_no_more_than_the_largest(stage: Stage) -> None:
    bus = Bus(stage, maxMessageBatchSize=2)
    bus.put("text", *"abcde")
    until(lambda: len(bus.queues["text"].settled) == 5)
    assert [line[1] for line in bus.seen()] == [["a", "b"], ["c", "d"], ["e"]]


def test_all_of_a_failed_call_come_again(stage: Stage) -> None:
    bus = Bus(stage)
    bus.put("plain", "a", "fails once", "c")
    until(lambda: len(bus.queues["plain"].settled) == 3)
    first, *others = bus.seen()
    assert first[1:] == [["a", "fails once", "c"], [1, 1, 1]]
    assert sorted(body for line in others for body in line[1]) == ["a", "c", "fails once"]
    assert {count for line in others for count in line[2]} == {2}


def test_the_messages_are_the_workers(stage: Stage) -> None:
    bus = Bus(stage)
    bus.put("plain", "describe", "x")
    until(lambda: len(bus.seen()) == 2)
    described = ["m1", "hello", {"a": 1, "b": "x"}, 7, "2026-03-04T12:00:00.123456+00:00", None]
    assert bus.seen()[1] == [[described, described]]


def test_a_call_waits_for_the_least_number(stage: Stage) -> None:
    bus = Bus(stage, minMessageBatchSize=3, maxBatchWaitTime="00:00:20")
    bus.put("text", "a")
    until(lambda: not bus.queues["text"].waiting)
    bus.put("text", "b")
    until(lambda: not bus.queues["text"].waiting)
    assert bus.seen() == []
    bus.put("text", "c")
    until(lambda: bus.seen())
    assert bus.seen() == [["text", ["a", "b", "c"]]]


SHORT = {
    "the longest wait": {"maxBatchWaitTime": "00:00:00.1"},
    "half of the lock's time": {"maxBatchWaitTime": "00:01:00", "lock_seconds": 0.2},
}


@pytest.mark.parametrize("options", SHORT.values(), ids=SHORT)
def test_but_no_longer_than(stage: Stage, options: dict[str, Any]) -> None:
    bus = Bus(stage, minMessageBatchSize=3, **options)
    bus.put("text", "a")
    until(lambda: bus.seen())
    assert bus.seen() == [["text", ["a"]]]


def test_sessions_do_not_mix(stage: Stage) -> None:
    bus = Bus(stage)
    for name in "ab":
        bus.put("sessions", "1", "2", session=name)
    until(lambda: len(bus.queues["sessions"].settled) == 4)
    assert sorted(bus.seen()) == [
        ["sessions", ["a", "a"], ["1", "2"]],
        ["sessions", ["b", "b"], ["1", "2"]],
    ]
    until(lambda: sorted(bus.queues["sessions"].closed) == ["a", "b"])


def test_stop_gives_back_what_no_call_has_had_and_what_did_not_end(stage: Stage) -> None:
    bus = Bus(stage, minMessageBatchSize=2)
    (kept,) = bus.put("text", "a")
    under_way = bus.put("plain", "wait", "x")
    until(lambda: bus.seen() and not bus.queues["text"].waiting)
    stage.stop(bus.host)
    assert list(bus.queues["text"].waiting) == [kept]
    assert kept.delivery_count == 0
    assert set(bus.queues["plain"].waiting) == set(under_way)
    bus.go_on.set()


PREFETCH = """
    import builtins
    app = func.FunctionApp()
    go_on = builtins.retrain_test_go_on
    bodies = builtins.retrain_test_bodies

    @app.service_bus_queue_trigger("msg", "S", "plain", data_type="BINARY")
    def plain(msg):
        bodies.append(msg.get_body().decode())
        go_on.wait(20)

    @app.service_bus_queue_trigger("msg", "S", "sessions", is_sessions_enabled=True)
    def sessions(msg):
        bodies.append(msg.get_body().decode())
        go_on.wait(20)
"""


@pytest.mark.parametrize("name", ["plain", "sessions"])
def test_prefetched_messages_are_locked_while_they_wait(stage: Stage, name: str) -> None:
    import builtins
    import threading

    bodies: list[str] = []
    go_on = threading.Event()
    builtins.retrain_test_go_on = go_on  # type: ignore[attr-defined]
    builtins.retrain_test_bodies = bodies  # type: ignore[attr-defined]
    queues = {each: QueueTwin() for each in ("plain", "sessions")}
    limits = {"maxConcurrentCalls": 1, "prefetchCount": 2, "sessionIdleTimeout": "00:00:00.1"}
    host = stage.host(
        PREFETCH,
        {"version": "2.0", "extensions": {"serviceBus": limits}},
        listeners=queues.__getitem__,
        stop_seconds=0.2,
    )
    queue = queues[name]

    async def put() -> list[Message]:
        return queue.put(*(body.encode() for body in "abcde"), session="s")

    messages = stage.run(put())
    until(lambda: len(queue.waiting) == 2 and bodies)
    assert bodies == ["a"]
    assert all(message.delivery_count == 1 for message in messages[:3])
    stage.stop(host)
    assert sorted(message.body for message in queue.waiting) == [b"a", b"b", b"c", b"d", b"e"]
    assert [message.delivery_count for message in messages] == [1, 0, 0, 0, 0]
    go_on.set()
