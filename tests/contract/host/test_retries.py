"""Retry policies: a timer's runs are tried again; elsewhere the policy is named and ignored."""

import json
from pathlib import Path

import httpx
import pytest

from retrain.local.host import AppRefused
from retrain.local.host.retry_policy import RetryPolicy
from tests.contract.host.queue_twin import QueueTwin
from tests.contract.host.stage import Stage, until

APP = """
    import json, pathlib
    app = func.FunctionApp(http_auth_level="ANONYMOUS")
    seen = pathlib.Path(__file__).parent / "seen"
    fails = {fails}

    def note(context):
        retry = context.retry_context
        last = retry.exception and retry.exception.message
        with seen.open("a") as out:
            out.write(json.dumps([retry.retry_count, retry.max_retry_count, last]) + "\\n")
        return len(seen.read_text().splitlines())

    {policy}
    @app.timer_trigger(schedule="0 0 0 1 1 *", arg_name="timer", run_on_startup=True)
    def yearly(timer, context):
        if note(context) <= fails:
            raise KeyError("as asked")
"""
FIXED = '@app.retry("fixed_delay", "{count}", delay_interval="00:00:00")'
GROWING = (
    '@app.retry("exponential_backoff", "2", minimum_interval="00:00:00.010", '
    'maximum_interval="00:00:00.015")'
)


def seen(folder: Path) -> list[list[object]]:
    file = folder / "app" / "seen"
    return [json.loads(line) for line in file.read_text().splitlines()] if file.exists() else []


FAILED = "KeyError: 'as asked'"
POLICIES = {
    "none": ("", 9, [[0, 0, None]], (0, 1)),
    "fixed": (
        FIXED.format(count=2),
        9,
        [[0, 2, None], [1, 2, FAILED], [2, 2, FAILED]],
        (0, 3),
    ),
    "fixed, well at last": (FIXED.format(count=5), 1, [[0, 5, None], [1, 5, FAILED]], (1, 1)),
    "growing": (GROWING, 9, [[0, 2, None], [1, 2, FAILED], [2, 2, FAILED]], (0, 3)),
    "for ever": (
        FIXED.format(count=-1),
        3,
        [[0, -1, None], [1, -1, FAILED], [2, -1, FAILED], [3, -1, FAILED]],
        (1, 3),
    ),
}


@pytest.mark.parametrize(("policy", "fails", "calls", "ends"), POLICIES.values(), ids=POLICIES)
def test_a_timer_is_tried_again_by_its_policy(
    stage: Stage,
    policy: str,
    fails: int,
    calls: list[list[object]],
    ends: tuple[int, int],
) -> None:
    host = stage.host(APP.replace("{fails}", str(fails)).replace("{policy}", policy))
    until(lambda: sum(host.invocations.values()) == sum(ends))
    assert seen(stage.folder) == calls
    counts = host.invocations["yearly", "succeeded"], host.invocations["yearly", "failed"]
    assert counts == ends
    status = stage.folder / "host" / "timers" / "yearly.json"
    until(lambda: json.loads(status.read_text())["Last"][:4] != "0001")
    assert sum(host.invocations.values()) == sum(ends)  # and no more


REFUSED = {
    "no strategy": ('@app.retry("often", "1")', "'often' is no strategy"),
    "no delay": ('@app.retry("fixed_delay", "1")', "fixed_delay needs a delay_interval"),
    "no count": ('@app.retry("fixed_delay", "x", delay_interval="00:00:01")', "invalid literal"),
    "less than for ever": (
        '@app.retry("fixed_delay", "-2", delay_interval="00:00:01")',
        "max_retry_count is -2",
    ),
    "a pause that is none": (
        '@app.retry("fixed_delay", "1", delay_interval="1s")',
        "delay_interval: '1s' is not a time span",
    ),
}


@pytest.mark.parametrize(("policy", "message"), REFUSED.values(), ids=REFUSED)
def test_a_policy_that_is_none_is_refused(stage: Stage, policy: str, message: str) -> None:
    with pytest.raises(AppRefused, match=f"'yearly': its retry policy: .*{message}"):
        stage.host(APP.replace("{fails}", "0").replace("{policy}", policy))


def test_elsewhere_a_policy_is_named_and_ignored(
    stage: Stage, client: httpx.Client, caplog: pytest.LogCaptureFixture
) -> None:
    queue = QueueTwin()
    host = stage.host(
        """
        app = func.FunctionApp(http_auth_level="ANONYMOUS")

        @app.retry("fixed_delay", "3", delay_interval="00:00:00")
        @app.route("web")
        def web(req): raise RuntimeError

        @app.retry("fixed_delay", "3", delay_interval="00:00:00")
        @app.service_bus_queue_trigger("msg", "S", "q")
        def bus(msg):
            if msg.delivery_count == 1:
                raise RuntimeError
        """,
        listeners=lambda _: queue,
    )
    for name in ("web", "bus"):
        assert f"Retries are not supported for function 'Functions.{name}'." in caplog.text
    assert client.get(f"{host.url}/web").status_code == 500
    assert host.invocations["web", "failed"] == 1

    async def put() -> None:
        queue.put(b"x")

    stage.run(put())
    until(lambda: queue.settled)
    assert (host.invocations["bus", "failed"], host.invocations["bus", "succeeded"]) == (1, 1)


def test_pauses() -> None:
    growing = RetryPolicy(count=None, least=2, most=30, growing=True)
    assert [growing.pause(tried) for tried in range(1, 8)] == [2, 4, 8, 16, 30, 30, 30]
    assert growing.pause(5000) == 30
    assert RetryPolicy(count=3, least=5, most=5).pause(3) == 5
