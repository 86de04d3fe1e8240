"""Timer functions, by a clock that the test sets."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx

from retrain.local.host import FunctionsHost
from tests.contract.host.stage import Stage, until

START = datetime(2026, 3, 4, 12, 0, 30, tzinfo=UTC)


class Clock:
    """Moves with real time, from where it is set."""

    def __init__(self, at: datetime) -> None:
        self.set(at)

    def set(self, at: datetime) -> None:
        self._ahead = at - datetime.now(UTC)

    def __call__(self) -> datetime:
        return datetime.now(UTC) + self._ahead


APP = """
    import json, pathlib, threading
    app = func.FunctionApp(http_auth_level="ANONYMOUS")
    seen = pathlib.Path(__file__).parent / "seen"
    fails = pathlib.Path(__file__).parent / "fails"

    def note(timer):
        status = timer.schedule_status
        with seen.open("a") as out:
            out.write(json.dumps([timer.past_due, status.get("Last"), status.get("Next")]) + "\\n")
        if fails.exists():
            raise RuntimeError("as asked")
"""
HOURLY = (
    APP
    + """
    @app.timer_trigger(schedule="0 0 * * * *", arg_name="timer")
    def hourly(timer: func.TimerRequest): note(timer)
"""
)


def seen(stage: Stage) -> list[list[object]]:
    file = stage.folder / "app" / "seen"
    return [json.loads(line) for line in file.read_text().splitlines()] if file.exists() else []


def settled(host: FunctionsHost, count: int) -> bool:
    return sum(host.invocations.values()) >= count


def test_a_timer_fires_when_due_and_remembers(stage: Stage, tmp_path: Path) -> None:
    host = stage.host(HOURLY, clock=Clock(START.replace(minute=59, second=57)))
    until(lambda: settled(host, 1))
    assert seen(stage) == [[False, "0001-01-01T00:00:00+00:00", "2026-03-04T13:00:00+00:00"]]
    kept = tmp_path / "host" / "timers" / "hourly.json"
    until(lambda: json.loads(kept.read_text())["Next"] == "2026-03-04T14:00:00+00:00")
    assert json.loads(kept.read_text())["Last"].startswith("2026-03-04T13:00:00")


def test_what_fell_due_while_the_host_was_down_is_made_up_once(stage: Stage) -> None:
    stage.stop(stage.host(HOURLY, clock=Clock(START)))
    assert seen(stage) == []
    late = stage.host(HOURLY, clock=Clock(START + timedelta(hours=5)))
    until(lambda: settled(late, 1))
    assert seen(stage) == [[True, "0001-01-01T00:00:00+00:00", "2026-03-04T13:00:00+00:00"]]
    stage.stop(late)
    stage.stop(stage.host(HOURLY, clock=Clock(START + timedelta(hours=5, minutes=1))))
    assert len(seen(stage)) == 1


def test_a_changed_schedule_is_not_past_due(stage: Stage) -> None:
    stage.stop(stage.host(HOURLY, clock=Clock(START)))
    other = HOURLY.replace("0 0 * * * *", "0 30 6 * * *")
    stage.stop(stage.host(other, clock=Clock(START + timedelta(hours=5))))
    assert seen(stage) == []


def test_a_timer_that_is_not_monitored_makes_up_nothing(stage: Stage, tmp_path: Path) -> None:
    app = HOURLY.replace('arg_name="timer"', 'arg_name="timer", use_monitor=False')
    stage.stop(stage.host(app, clock=Clock(START)))
    stage.stop(stage.host(app, clock=Clock(START + timedelta(hours=5))))
    assert seen(stage) == []
    assert not (tmp_path / "host" / "timers").exists()


def test_run_on_startup(stage: Stage) -> None:
    app = HOURLY.replace('arg_name="timer"', 'arg_name="timer", run_on_startup=True')
    host = stage.host(app, clock=Clock(START))
    until(lambda: settled(host, 1))
    assert seen(stage)[0][0] is False


def test_runs_never_overlap_and_what_fell_due_meanwhile_is_skipped(
    stage: Stage, client: httpx.Client
) -> None:
    host = stage.host(
        APP
        + """
    go_on = threading.Event()
    count = []

    @app.timer_trigger(schedule="* * * * * *", arg_name="timer")
    def each_second(timer: func.TimerRequest):
        note(timer)
        count.append(1)
        assert len(count) == 1
        go_on.wait(20)
        count.pop()

    @app.route("go_on")
    def let_it(req): go_on.set()
    """,
        {"version": "2.0"},
        clock=(clock := Clock(START)),
    )
    until(lambda: len(seen(stage)) == 1)
    clock.set(START + timedelta(minutes=1))
    assert client.get(f"{host.url}/api/go_on").status_code == 204
    until(lambda: host.invocations["each_second", "succeeded"] >= 3)
    assert host.invocations["each_second", "failed"] == 0
    assert len(seen(stage)) < 10  # and not the sixty of the minute that was skipped
