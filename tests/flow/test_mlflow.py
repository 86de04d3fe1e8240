"""Scripts that log with MLflow's unmodified client, on the live stack, with no set-up."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import mlflow
import pytest
from mlflow import MlflowClient

from retrain.client import Client, Ended, LogText
from retrain.client.follow import MetricsLogged
from retrain.jobfile import read_job
from retrain.submit import submit
from tests.flow.local_stack import LocalStack, ended, eventually, job, stdout

EXAMPLE = Path(__file__).parents[2] / "examples" / "mlflow-metrics" / "job.yml"
#: This test's own MLflow, so that no environment has to be built.
MLFLOW = {"PYTHONPATH": str(Path(mlflow.__file__).parents[1]), "MLFLOW_DISABLE_TELEMETRY": "true"}

ALL = """
import mlflow
mlflow.log_params({"depth": 3, "kind": "tree"})
for step in range(5):
    mlflow.log_metrics({"loss": 1 / (step + 1), "acc": step / 5}, step=step)
with open("large.bin", "wb") as file:
    file.write(bytes(9_000_000))
mlflow.log_artifact("large.bin", "models")
mlflow.log_text("hello", "notes/größe 1.txt")
with mlflow.start_run(nested=True, run_name="child"):
    mlflow.log_metric("loss", 7)
try:
    mlflow.log_param("depth", 4)
except mlflow.exceptions.MlflowException as error:
    print(error.error_code)
"""

WAITING = """
import time, mlflow
mlflow.log_metric("loss", 0.5, step=1)
run = mlflow.active_run().info.run_id
while "go" not in mlflow.get_run(run).data.tags:
    time.sleep(0.2)
mlflow.log_metric("loss", 0.25, step=2)
"""


def script(text: str, **fields: Any) -> dict[str, Any]:
    variables = {**MLFLOW, "SCRIPT": text, **fields.pop("environment_variables", {})}
    return job('python -c "$SCRIPT"', environment_variables=variables, **fields)


@pytest.fixture
def person(client: Client, monkeypatch: pytest.MonkeyPatch) -> Iterator[MlflowClient]:
    """MLflow's client as `retrain mlflow` sets it up."""
    access = client.mlflow_access(hours=1)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", access["uri"])
    monkeypatch.setenv("MLFLOW_TRACKING_TOKEN", access["token"])
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    yield MlflowClient(access["uri"])
    mlflow.set_tracking_uri(None)  # type: ignore[arg-type]


@pytest.mark.xdist_group("stack")
def test_what_a_script_logs_is_there(client: Client, person: MlflowClient, tmp_path: Path) -> None:
    document = script(ALL, experiment_name="flow", display_name="all")
    run = ended(client, client.create_job(document)["name"])
    name = run["name"]
    assert run["status"] == "Completed", client.logs(name, "stderr.txt").data
    assert "INVALID_PARAMETER_VALUE" in stdout(client, name)
    scores = client.metrics(name)
    assert scores["metrics"]["loss"]["last"]["value"] == 0.2
    assert scores["metrics"]["acc"]["max"] == scores["metrics"]["acc"]["last"]
    assert scores["params"] == {"depth": "3", "kind": "tree"}
    assert [child["name"] for child in scores["children"]] == ["child"]
    assert scores["children"][0]["metrics"]["loss"]["last"]["value"] == 7
    assert [point["step"] for point in client.metric_history(name, "loss")] == [0, 1, 2, 3, 4]
    sizes = {file["path"]: file["size"] for file in client.outputs(name)}
    assert sizes["artifacts/models/large.bin"] == 9_000_000
    assert sizes["artifacts/notes/größe 1.txt"] == 5

    found = person.search_runs(["0"]) + person.search_runs(
        [str(person.get_experiment_by_name("flow").experiment_id)],  # type: ignore[union-attr]
        "metrics.loss < 0.5 AND params.kind = 'tree' AND attributes.status = 'FINISHED'",
    )
    assert [one.info.run_id for one in found if one.info.run_name == "all"] == [name]
    got = mlflow.artifacts.download_artifacts(
        run_id=name, artifact_path="models/large.bin", dst_path=str(tmp_path)
    )
    assert Path(got).stat().st_size == 9_000_000
    assert mlflow.artifacts.load_text(f"runs:/{name}/notes/größe 1.txt") == "hello"


@pytest.mark.xdist_group("stack")
def test_metrics_show_while_the_run_goes_on(client: Client, person: MlflowClient) -> None:
    name = client.create_job(script(WAITING))["name"]
    assert eventually(lambda: client.metrics(name)["metrics"])
    assert client.get_job(name)["status"] == "Running"
    assert person.get_run(name).info.status == "RUNNING"
    seen = []
    for item in client.follow(name):
        if isinstance(item, MetricsLogged):
            seen.append(item.points["loss"]["value"])
            if len(seen) == 1:
                person.set_tag(name, "go", "1")
        if isinstance(item, Ended):
            assert item.run["status"] == "Completed"
    assert seen == [0.5, 0.25]


@pytest.mark.xdist_group("stack")
def test_a_token_is_of_one_run(client: Client, stack: LocalStack) -> None:
    told = script("import os; print(os.environ['MLFLOW_TRACKING_TOKEN'])")
    mine, other = (ended(client, client.create_job(told)["name"])["name"] for _ in range(2))
    token = stdout(client, mine).strip()
    api = f"{stack.addresses['api']}/api/mlflow/api/2.0/mlflow/runs/get"

    def ask(run: str, token: str) -> tuple[int, str]:
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        answer = httpx.get(api, params={"run_id": run}, headers=headers)
        return answer.status_code, answer.json().get("error_code", "")

    assert ask(mine, token) == (200, "")
    assert ask(other, token) == (403, "PERMISSION_DENIED")
    assert ask(mine, "") == (401, "UNAUTHENTICATED")
    assert ask(mine, token[:-2] + "xx") == (401, "UNAUTHENTICATED")
    assert ask(mine, stack.addresses["key"]) == (401, "UNAUTHENTICATED")
    through = httpx.get(f"{stack.addresses['api']}/api/mlflow/../jobs")
    assert through.status_code == 401, "no odd path leads past the function's key"


@pytest.mark.xdist_group("stack")
def test_a_job_that_brings_its_own_server_keeps_it(client: Client, tmp_path: Path) -> None:
    text = "import os; print([*filter(lambda n: 'MLFLOW' in n, sorted(os.environ))])"
    own = {"MLFLOW_TRACKING_URI": f"file://{tmp_path}"}
    run = ended(client, client.create_job(script(text, environment_variables=own))["name"])
    assert stdout(client, run["name"]) == "['MLFLOW_DISABLE_TELEMETRY', 'MLFLOW_TRACKING_URI']\n"


@pytest.mark.xdist_group("stack")
@pytest.mark.timeout(300)
def test_the_example(client: Client) -> None:
    name = submit(client, read_job(EXAMPLE, {}))["name"]
    lines = "".join(item.text for item in client.follow(name) if isinstance(item, LogText))
    assert "best rate 0.4: loss 0.0" in lines
    scores = client.metrics(name)
    assert [child["name"] for child in scores["children"]] == ["rate 0.01", "rate 0.1", "rate 0.4"]
    last = scores["children"][2]["metrics"]["loss"]["last"]
    assert (scores["metrics"]["loss"]["last"]["value"], last["step"]) == (last["value"], 9)
    kept = {file["path"].rpartition("/")[2] for file in client.outputs(name)}
    assert "model.json" in kept
