"""Output bindings: sent after success, never before; one that fails fails the invocation."""

import httpx
import pytest

from tests.contract.host.stage import Stage, until


def test_outputs_are_sent_after_success_only(stage: Stage, client: httpx.Client) -> None:
    sent: list[tuple[str, bytes]] = []

    async def send(queue: str, body: bytes) -> None:
        if queue == "broken":
            raise ConnectionError("the queue is not there")
        sent.append((queue, body))

    host = stage.host(
        """
        import json
        app = func.FunctionApp(http_auth_level="ANONYMOUS")

        @app.route("one")
        @app.service_bus_queue_output("out", "S", "first")
        def one(req, out: func.Out[str]) -> str:
            out.set(req.params["what"])
            if req.params["what"] == "bad":
                raise RuntimeError("after the output was set")
            return "sent"

        @app.route("two")
        @app.service_bus_queue_output("out", "S", "broken")
        def two(req, out: func.Out[bytes]) -> str:
            out.set(b"lost")
            return "sent"

        @app.timer_trigger(schedule="0 0 0 1 1 *", arg_name="timer", run_on_startup=True)
        @app.service_bus_queue_output("$return", "S", "%Q%")
        def three(timer) -> str:
            return "from the clock"
        """,
        {"version": "2.0"},
        send=send,
        environment={"Q": "third"},
    )
    until(lambda: sent == [("third", b"from the clock")])
    assert client.get(f"{host.url}/api/one?what=good").text == "sent"
    assert client.get(f"{host.url}/api/one?what=bad").status_code == 500
    assert client.get(f"{host.url}/api/two").status_code == 500
    assert sent[1:] == [("first", b"good")]
    assert host.invocations["two", "failed"] == 1


VALUES = {
    "text": ("'ü'", 200, ["ü".encode()]),
    "bytes": ("b'\\x00'", 200, [b"\x00"]),
    "nothing": ("None", 200, []),
    "a list, which the worker can't encode": ("['a', 'b']", 500, []),
    "an object, which it can't either": ("{'a': 1}", 500, []),
}


@pytest.mark.parametrize(("value", "status", "bodies"), VALUES.values(), ids=VALUES)
def test_what_may_be_sent(
    stage: Stage, client: httpx.Client, value: str, status: int, bodies: list[bytes]
) -> None:
    sent: list[tuple[str, bytes]] = []

    async def send(entity: str, body: bytes) -> None:
        sent.append((entity, body))

    host = stage.host(
        f"""
        app = func.FunctionApp(http_auth_level="ANONYMOUS")

        @app.route("one")
        @app.service_bus_topic_output("out", "S", "news")
        def one(req, out: func.Out[str]) -> str:
            out.set({value})
            return "sent"
        """,
        send=send,
    )
    assert client.get(f"{host.url}/one").status_code == status
    assert sent == [("news", body) for body in bodies]
