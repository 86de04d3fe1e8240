"""`job metrics`, `job show` and `mlflow`, over HTTP."""

import json

from tests.unit.cli.api_server import ApiServer, Document
from tests.unit.cli.test_jobs import retrain


def _point(value: float | str, step: int) -> Document:
    return {"value": value, "step": step, "timestamp": 1_783_000_000_000}


LOSS = {"last": _point(0.123456789, 9), "min": _point(0.1, 8), "max": _point(2.0, 0)}
NAN = {"last": _point("NaN", 0), "min": None, "max": None}
CHILD = {"id": "r1-1-c01", "name": "depth 3", "status": "FINISHED", "metrics": {"loss": LOSS}}


def _scored(local: ApiServer) -> None:
    local.add_run("r1")
    metrics = {"loss": LOSS, "odd": NAN}
    local.scores["r1"] = {"metrics": metrics, "params": {"depth": "3"}, "children": [CHILD]}


def test_metrics_are_a_table(local: ApiServer) -> None:
    _scored(local)
    out = retrain("job", "metrics", "r1").stdout
    assert [line.split() for line in out.splitlines() if line.startswith(("loss", "odd"))] == [
        ["loss", "0.123457", "9", "0.1", "2"],
        ["odd", "NaN", "0", "-", "-"],
    ]
    assert "r1-1-c01" in out
    assert "depth 3" in out
    assert json.loads(retrain("job", "metrics", "r1", "--json").stdout)["params"] == {"depth": "3"}


def test_one_metric_is_its_history(local: ApiServer) -> None:
    _scored(local)
    out = retrain("job", "metrics", "r1", "--key", "loss").stdout
    assert out.splitlines()[1].split()[:2] == ["9", "0.123457"]
    shown = json.loads(retrain("job", "metrics", "r1", "--key", "loss", "--json").stdout)
    assert [point["step"] for point in shown["points"]] == [9]
    assert "Nobody logged" in retrain("job", "metrics", "r1", "--key", "x").stderr


def test_nothing_logged_is_said(local: ApiServer) -> None:
    local.add_run("r1")
    assert "logged nothing" in retrain("job", "metrics", "r1").stderr
    assert retrain("job", "metrics", "nobody").exit_code == 1


def test_show_has_the_metrics(local: ApiServer) -> None:
    _scored(local)
    out = retrain("job", "show", "r1").stdout
    assert "Metrics" in out
    assert "step 9" in out
    assert json.loads(retrain("job", "show", "r1", "--json").stdout)["metrics"]["loss"] == LOSS


def test_a_shell_can_take_mlflows_variables(local: ApiServer) -> None:
    out = retrain("mlflow", "--hours", "3").stdout
    assert f"export MLFLOW_TRACKING_URI={local.endpoint}/api/mlflow\n" in out
    assert "export MLFLOW_TRACKING_TOKEN=rt1.3\n" in out
    assert json.loads(retrain("mlflow", "--json").stdout)["token"] == "rt1.12"


def test_stream_tells_what_is_logged(local: ApiServer) -> None:
    _scored(local)
    assert "loss=0.123457 (step 9)" in retrain("job", "stream", "r1").stderr
    lines = retrain("job", "stream", "r1", "--json").stdout.splitlines()
    events = [json.loads(line) for line in lines]
    assert [e["metrics"]["loss"] for e in events if e["event"] == "metrics"] == [LOSS["last"]]
