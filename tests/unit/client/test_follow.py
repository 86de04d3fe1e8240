"""Following a run: order, characters, attempts, and a service that goes away for a while."""

from collections.abc import Callable
from typing import Any

import pytest

from retrain.client import (
    ApiError,
    Ended,
    LogChunk,
    LogText,
    NextAttempt,
    Restarted,
    Run,
    StatusChanged,
    Unreachable,
    Waiting,
)
from retrain.client.follow import METRICS_EVERY, Item, MetricsLogged, follow
from retrain.client.metric_records import MetricPoint, Scores
from tests.unit.cli.api_server import a_run


class Script:
    """An API that plays: each look at the run is the next act; its log grows by what is given."""

    def __init__(self, *acts: tuple[str, bytes] | Exception | Run) -> None:
        self.acts = list(acts)
        self.run: Run = a_run("r1", "Running")  # type: ignore[assignment]
        self.run["timeline"] = []
        self.log = b""
        self.earlier: dict[int, bytes] = {}  # logs of attempts before the present one
        self.points: dict[str, MetricPoint] = {}
        self.asked_metrics = 0
        self.now = 0.0

    def get_job(self, name: str) -> Run:
        act = self.acts.pop(0)
        if isinstance(act, Exception):
            raise act
        if isinstance(act, dict):
            self.run = act
            return self.run
        status, text = act
        self.log += text
        if self.run["status"] != status or not self.run["timeline"]:
            moment = {"status": status, "at": "2026-07-10T10:00:00Z", "note": ""}
            self.run["timeline"].append(moment)  # type: ignore[arg-type]
        self.run["status"] = status  # type: ignore[typeddict-item]
        return self.run

    def logs(
        self, name: str, file: str = "stdout.txt", offset: int = 0, attempt: int | None = None
    ) -> LogChunk:
        if attempt is not None:
            text = self.earlier[attempt] if file == "stdout.txt" else b""
            return LogChunk(text[offset : offset + 4], min(len(text), offset + 4), True)
        over = self.run["status"] in ("Completed", "Failed", "Canceled")
        if file == "stderr.txt":
            if not over:
                raise ApiError(404, "LogNotFound", "no such log yet")
            return LogChunk(b"", 0, True)
        chunk = self.log[offset : offset + 4]
        end = offset + len(chunk)
        return LogChunk(chunk, end, over and end == len(self.log))

    def metrics(self, name: str) -> Scores:
        self.asked_metrics += 1
        latest: dict[str, Any] = {
            key: {"last": point, "min": point, "max": point} for key, point in self.points.items()
        }
        return {"metrics": latest}  # type: ignore[typeddict-item]

    def sleep(self, seconds: float) -> None:
        self.now += seconds

    def play(self) -> list[Item]:
        return list(follow(self, "r1", sleep=self.sleep, clock=lambda: self.now))


def told(items: list[Item]) -> list[str]:
    words: dict[type, Callable[[Item], str]] = {
        StatusChanged: lambda item: getattr(item, "status", ""),
        LogText: lambda item: getattr(item, "text", ""),
        Restarted: lambda _: "restarted",
        NextAttempt: lambda item: getattr(item, "message", ""),
        Waiting: lambda _: "waiting",
        Ended: lambda _: "ended",
    }
    return [words[type(item)](item) for item in items]


def test_the_last_line_comes_before_the_end() -> None:
    script = Script(("Queued", b""), ("Running", b"one\n"), ("Completed", b"two\n"))
    assert told(script.play()) == ["Queued", "Running", "one\n", "two\n", "Completed", "ended"]


def test_a_character_cut_in_two_is_told_whole() -> None:
    script = Script(("Running", "xü".encode()[:2]), ("Completed", "ü".encode()[1:]))
    assert "".join(told(script.play())) == "RunningxüCompletedended"


def test_bytes_that_are_no_text_do_not_stop_it() -> None:
    assert told(Script(("Running", b"\xff"), ("Completed", b"")).play())[1] == "\ufffd"


def test_a_run_that_never_ran_has_no_log() -> None:
    script = Script(("Queued", b""), ("Canceled", b""))
    script.run["attempt"] = 0
    assert told(script.play()) == [
        "Queued",
        "Canceled",
        "ended",
    ]


def test_a_second_attempt_has_a_log_of_its_own() -> None:
    script = Script(("Running", b"a\n"))
    items = follow(script, "r1", sleep=script.sleep)
    assert told([next(items), next(items)]) == ["Running", "a\n"]
    script.log, script.earlier = b"b\n", {1: b"a\nz\n"}  # the last line of the first came late
    script.run["attempt"], script.run["max_attempts"] = 2, 3
    script.acts = [("Queued", b""), ("Completed", b"")]
    assert told(list(items)) == ["z\n", "Attempt 2 of 3.", "Queued", "b\n", "Completed", "ended"]


def test_a_script_that_starts_again_is_told_from_its_new_beginning() -> None:
    script = Script(("Running", b"epoch 1\nepoch 2\n"))
    items = follow(script, "r1", sleep=script.sleep)
    before = [next(items) for _ in range(5)]
    assert "".join(told(before)) == "Runningepoch 1\nepoch 2\n"
    script.log = b"epoch 1\nep"  # shorter than what was read
    script.run["requeues"] = 1
    script.acts = [("Running", b""), ("Running", b"och 2\n"), ("Completed", b"epoch 3\n")]
    after = list(items)
    assert after[0] == Restarted(1)
    assert "".join(told(after[1:])) == "epoch 1\nepoch 2\nepoch 3\nCompletedended"


def test_a_script_that_started_again_before_anybody_looked_is_told_once() -> None:
    script = Script(("Running", b"a\n"), ("Completed", b""))
    script.run["requeues"] = 1
    assert told(script.play()) == ["Running", "a\n", "Completed", "ended"]


def test_what_a_canceled_run_printed_is_told_even_if_nobody_saw_it_run() -> None:
    script = Script(("Provisioning", b""), ("Canceled", b"one\n"))
    assert told(script.play()) == ["Provisioning", "one\n", "Canceled", "ended"]


def test_a_service_that_comes_back_is_waited_for() -> None:
    gone = Unreachable("http://x")
    script = Script(("Running", b"a\n"), gone, gone, ("Completed", b"b\n"))
    assert told(script.play()) == [
        "Running",
        "a\n",
        "waiting",
        "waiting",
        "b\n",
        "Completed",
        "ended",
    ]


def test_a_service_that_stays_away_is_given_up() -> None:
    script = Script(("Running", b""), *[Unreachable("http://x")] * 1000)
    with pytest.raises(Unreachable):
        script.play()
    assert 60 < script.now < 70


@pytest.mark.parametrize("error", [Unreachable("http://x"), ApiError(404, "RunNotFound", "no")])
def test_what_is_wrong_from_the_start_is_told_at_once(error: Exception) -> None:
    script = Script(error)
    with pytest.raises(type(error)):
        script.play()
    assert script.now == 0


def test_metrics_are_told_when_they_change_and_not_asked_for_at_each_look() -> None:
    script = Script(*[("Running", b"") for _ in range(30)], ("Completed", b""), ("Completed", b""))
    script.points = {"loss": {"value": 0.5, "step": 1, "timestamp": 1}}
    told = [item.points for item in script.play() if isinstance(item, MetricsLogged)]
    assert told == [script.points]
    assert 1 < script.asked_metrics <= script.now / METRICS_EVERY + 2
