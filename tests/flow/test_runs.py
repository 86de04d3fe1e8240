"""A job from its submission to its end, over HTTP, with the real SDKs underneath."""

from pathlib import Path

import pytest

from retrain.client import ApiError, Client
from retrain.snapshot import take_snapshot
from tests.flow.local_stack import ended, job, no_compute_left, stdout

pytestmark = pytest.mark.xdist_group("stack")


def test_a_run_leaves_its_outputs_and_logs_and_no_compute(client: Client, tmp_path: Path) -> None:
    command = (
        "echo trained; echo oops >&2; echo m > outputs/model; echo h > outputs/.hidden; "
        "mkdir logs/x; echo l > logs/x/y"
    )
    run = ended(client, client.create_job(job(command))["name"])
    assert run["status"] == "Completed"
    assert [m["status"] for m in run["timeline"]] == [
        "NotStarted", "Queued", "Provisioning", "Running", "Finalizing", "Completed",
    ]  # fmt: skip
    assert run["error"] is None
    cost = run.get("cost")
    assert cost is not None
    assert (cost["amount"], cost["local"], cost["so_far"]) == (0, True, False)
    assert cost["billed_seconds"] >= cost["used_seconds"] > 0
    assert no_compute_left(client)
    kept = {file["path"] for file in client.outputs(run["name"])}
    assert kept == {"outputs/model", "outputs/.hidden", "logs/x/y", "stdout.txt", "stderr.txt"}
    assert stdout(client, run["name"]) == "trained\n"
    said = client.logs(run["name"], "stderr.txt").data.decode()
    assert said.startswith("retrain: image python:3.11-slim is not used: ")
    assert said.endswith("\noops\n")
    client.download(run["name"], tmp_path)
    assert next(tmp_path.rglob("model")).read_text() == "m\n"


def test_code_inputs_and_outputs_are_where_the_command_expects_them(
    client: Client, tmp_path: Path
) -> None:
    code = tmp_path / "code"
    code.mkdir()
    (code / "train.sh").write_text('cat "$1" > "$2/sum"; echo "$3 $EXTRA"; ls "$4"\n')
    (tmp_path / "rows.csv").write_text("1,2\n")
    folder = tmp_path / "folder"
    folder.mkdir()
    (folder / "a.txt").write_text("a")
    with take_snapshot(code) as zipped:
        uri = client.ensure_snapshot(zipped)
    rows, many = client.upload_inputs(tmp_path / "rows.csv"), client.upload_inputs(folder)
    words = "${{inputs.rows}} ${{outputs.model}} ${{inputs.rate}} ${{inputs.many}}"
    document = job(
        f"sh train.sh {words}",
        code=uri,
        inputs={
            "rows": {"type": "uri_file", "path": rows},
            "many": {"type": "uri_folder", "path": many},
            "rate": "0.1; echo injected",
        },
        outputs={"model": None},
        environment_variables={"EXTRA": "run ${{name}}"},
    )
    run = ended(client, client.create_job(document)["name"])
    assert run["status"] == "Completed", run["error"]
    assert stdout(client, run["name"]) == f"0.1; echo injected run {run['name']}\na.txt\n"
    client.download(run["name"], tmp_path / "out")
    assert next((tmp_path / "out").rglob("sum")).read_text() == "1,2\n"
    assert "Preparing" in [moment["status"] for moment in run["timeline"]]


FAILURES = {
    "exit code 3": ("echo no; exit 3", "ScriptFailed", "exit code 3"),
    "killed by a signal": ("kill -9 $$", "ScriptKilled", "SIGKILL"),
    "no such program": ("train-it", "ScriptFailed", "exit code 127"),
}


@pytest.mark.parametrize(("command", "code", "words"), FAILURES.values(), ids=FAILURES)
def test_a_script_that_fails_fails_its_run(
    client: Client, command: str, code: str, words: str
) -> None:
    run = ended(client, client.create_job(job(command))["name"])
    assert run["status"] == "Failed"
    assert run["attempt"] == 1, "a script's own failure is not retried"
    assert run["error"] is not None
    assert run["error"]["code"] == code
    assert words in run["error"]["message"]
    assert run["error"]["remedy"]
    assert no_compute_left(client)


def test_a_script_over_its_time_is_stopped(client: Client) -> None:
    document = job("echo begun; sleep 60", limits={"timeout": 1})
    run = ended(client, client.create_job(document)["name"])
    assert run["status"] == "Failed"
    assert run["error"] is not None
    assert "timeout after 1 s" in run["error"]["message"]
    assert stdout(client, run["name"]) == "begun\n"


def test_an_input_that_is_not_there_is_named_before_anything_runs(client: Client) -> None:
    path = "azureml://datastores/workspaceblobstore/paths/nowhere/rows.csv"
    document = job("cat ${{inputs.rows}}", inputs={"rows": {"type": "uri_file", "path": path}})
    with pytest.raises(ApiError, match=r"nowhere/rows\.csv") as refused:
        client.create_job(document)
    assert refused.value.status == 422


def test_a_hundred_megabytes_on_stdout_are_kept(client: Client) -> None:
    command = "head -c 100000000 /dev/zero | tr '\\0' x"
    run = ended(client, client.create_job(job(command))["name"])
    assert run["status"] == "Completed"
    sizes = {file["path"]: file["size"] for file in client.outputs(run["name"])}
    assert sizes["stdout.txt"] == 100_000_000
    assert len(client.logs(run["name"], offset=99_999_990).data) == 10


def test_a_conda_file_that_can_not_be_resolved_shows_its_log(client: Client) -> None:
    conda = {"dependencies": [{"pip": ["scikit-learn==0.0.0.dev0"]}]}
    document = job("true", environment={"image": "python:3.11-slim", "conda_file": conda})
    run = ended(client, client.create_job(document)["name"])
    assert run["status"] == "Failed"
    assert run["error"] is not None
    assert run["error"]["code"] == "EnvironmentBuildFailed"
    assert "scikit-learn==0.0.0.dev0" in run["error"]["message"]
    kept = [file["path"] for file in client.outputs(run["name"])]
    assert kept == ["logs/environment-build.log"]
