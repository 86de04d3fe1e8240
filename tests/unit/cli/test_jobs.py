"""`retrain job …` against a server: what is sent, what is printed, and how it ends."""

import io
import json
import zipfile
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from retrain.cli.app import app
from tests.unit.cli.api_server import STORE, ApiServer

JOB = """\
command: python train.py --rows ${{inputs.rows}} --data ${{inputs.data}}
code: src
environment: {image: "python:3.11"}
inputs:
  rows: 10
  data: {type: uri_file, path: wine.csv}
"""


def retrain(*args: str) -> Result:
    return CliRunner().invoke(app, args)


@pytest.fixture
def job(tmp_path: Path) -> Path:
    (tmp_path / "src").mkdir()
    (tmp_path / "src/train.py").write_text("print('trained')")
    (tmp_path / "wine.csv").write_text("a,b\n1,2\n")
    (tmp_path / "job.yml").write_text(JOB)
    return tmp_path / "job.yml"


def test_create_uploads_code_and_inputs_once_and_prints_the_name(
    local: ApiServer, job: Path
) -> None:
    first = retrain("job", "create", "-f", str(job), "--set", "inputs.rows=3", "--name", "mine")
    assert first.exit_code == 0, first.output
    run = local.runs[first.stdout.strip()]
    assert run["display_name"] == "mine"
    code = local.blobs[run["job"]["code"].replace(STORE, "/blob/snapshots/")]
    with zipfile.ZipFile(io.BytesIO(code)) as archive:
        assert archive.read("train.py") == b"print('trained')"
    data = run["job"]["inputs"]["data"]["path"]
    assert data.startswith(f"{STORE}inputs/")
    assert data.endswith("/wine.csv")
    assert run["job"]["inputs"]["rows"] == 3
    assert "Uploaded code, 1 file" in first.stderr

    again = retrain("job", "create", "-f", str(job))
    assert "Unchanged: code, 1 file" in again.stderr
    assert "Unchanged: input data" in again.stderr
    assert len(local.requests("PUT", "/blob/.*")) == 2
    assert len(local.runs) == 2  # asked twice: two runs


def test_create_as_json_has_nothing_but_the_run_on_stdout(local: ApiServer, job: Path) -> None:
    result = retrain("job", "create", "-f", str(job), "--json")
    assert json.loads(result.stdout)["name"] in local.runs
    assert result.stderr == ""


def test_create_sent_twice_by_the_network_is_one_run(local: ApiServer, job: Path) -> None:
    local.fail("POST", "/api/jobs", 0)  # it arrives, its answer does not
    assert retrain("job", "create", "-f", str(job)).exit_code == 0
    assert len(local.requests("POST", "/api/jobs")) == 2
    assert len(local.runs) == 1


BAD_FILES = {
    "missing": (None, ["job.yml"]),
    "no YAML": ("command: [", ["job.yml:"]),
    "unknown field": ("comand: x", ["job.yml:1:1", "comand"]),
    "no code": (JOB.replace("code: src", "code: gone"), ["job.yml:2", "gone"]),
    "no input": (JOB.replace("wine.csv", "gone.csv"), ["job.yml:6", "gone.csv"]),
}


@pytest.mark.parametrize(("content", "says"), BAD_FILES.values(), ids=BAD_FILES)
def test_a_bad_file_is_told_by_its_place(
    local: ApiServer, job: Path, content: str | None, says: list[str]
) -> None:
    job.unlink() if content is None else job.write_text(content)
    result = retrain("job", "create", "-f", str(job))
    assert result.exit_code == 2
    assert all(text in result.stderr for text in says)
    assert "Traceback" not in result.output
    assert local.seen == []


def test_an_unknown_run_is_told_with_what_to_do(local: ApiServer) -> None:
    result = retrain("job", "show", "nobody")
    assert result.exit_code == 1
    assert result.stderr == "error: There is no run nobody.\nSee `retrain job list`\n"


def test_a_link_out_of_the_code_is_refused(local: ApiServer, job: Path) -> None:
    (job.parent / "src/secret").symlink_to("/etc/passwd")
    result = retrain("job", "create", "-f", str(job))
    assert result.exit_code == 2
    assert "secret is a link that leads out of the code folder" in result.stderr
    assert local.runs == {}


def test_list_filters_and_pages(local: ApiServer) -> None:
    for number in range(250):
        local.add_run(f"20260710-{number:04}", "Failed" if number % 2 else "Completed")
    result = retrain("job", "list", "--status", "failed", "--limit", "110", "--json")
    found = json.loads(result.stdout)
    assert [run["name"] for run in found] == [f"20260710-{n:04}" for n in range(249, 29, -2)]
    assert len(local.requests("GET", "/api/jobs")) == 2
    assert json.loads(retrain("job", "list", "--experiment", "other", "--json").stdout) == []
    newest = retrain("job", "list")
    assert len(newest.stdout.splitlines()) == 51
    said = "The newest 50; there are 200 more: --limit, --status, --schedule.\n"
    assert newest.stderr == said
    assert retrain("job", "list", "--limit", "250").stderr == "", "there are no more"
    local.add_run("20260711", source={"kind": "cron", "schedule": "nightly", "path": None})
    nightly = json.loads(retrain("job", "list", "--schedule", "nightly", "--json").stdout)
    assert [run["name"] for run in nightly] == ["20260711"]


def test_list_for_people_is_whole_in_a_pipe(local: ApiServer) -> None:
    long = "a long experiment name " * 10
    local.add_run("20260710-1", experiment_name=long.strip(), display_name="[red]x[/red]")
    lines = retrain("job", "list").stdout.splitlines()
    assert lines[0].split() == [
        "NAME",
        "STATUS",
        "EXPERIMENT",
        "DISPLAY",
        "NAME",
        "CREATED",
        "TOOK",
    ]
    assert len(lines) == 2
    assert long.strip() in lines[1]
    assert "[red]x[/red]" in lines[1]
    assert lines[1].rstrip().endswith("1 min 4 s")


def test_show_has_the_timeline_the_error_and_the_files(local: ApiServer) -> None:
    local.add_run(
        "r1", "Failed", error={"code": "ExitCode", "message": "exited 3", "remedy": "See stderr."}
    )
    local.outputs["r1", "outputs/model.pkl"] = bytes(2048)
    out = retrain("job", "show", "r1").stdout
    for text in ("Queued", "2.5 s", "Running", "1 min 2 s", "ExitCode: exited 3", "See stderr."):
        assert text in out
    assert "outputs/model.pkl" in out
    assert "2.0 kB" in out
    shown = json.loads(retrain("job", "show", "r1", "--json").stdout)
    assert [file["path"] for file in shown["files"]] == ["outputs/model.pkl"]


def test_show_lists_attempts_when_there_were_several(local: ApiServer) -> None:
    asked, began, over = (f"2026-07-10T10:00:{second:02}.000Z" for second in (0, 5, 9))
    lost = {"code": "NodeLost", "message": "Lost.", "remedy": ""}
    first = {
        "number": 1, "asked_at": asked, "started_at": began, "ended_at": over,
        "cause": "infrastructure", "error": lost, "exit_code": None, "requeues": 2,
    }  # fmt: skip
    second = {**first, "number": 2, "started_at": None, "cause": "canceled", "error": None}
    local.add_run("r1", attempts=[first, {**second, "requeues": 0}])
    out = retrain("job", "show", "r1").stdout
    lines = [line.split() for line in out.partition("Attempts\n")[2].splitlines()[:2]]
    assert lines[0][0] == "1"
    assert lines[0][-5:] == ["NodeLost,", "begun", "anew", "2", "times"]
    assert (lines[1][0], lines[1][-1]) == ("2", "canceled")
    local.add_run("r2", attempts=[{**second, "requeues": 0}])
    assert "Attempts" not in retrain("job", "show", "r2").stdout


def test_cancel(local: ApiServer) -> None:
    local.add_run("r1", "Running")
    assert retrain("job", "cancel", "r1").stdout == "r1  CancelRequested\n"


def test_stream_is_the_log_on_stdout_and_the_rest_on_stderr(local: ApiServer) -> None:
    local.add_run("r1")
    local.logs["r1", "stdout.txt"] = "accuracy 0.97 ✓\n".encode()
    local.logs["r1", "stderr.txt"] = b"warning"
    result = retrain("job", "stream", "r1")
    assert result.exit_code == 0
    assert result.stdout == "accuracy 0.97 ✓\n"
    lines = result.stderr.splitlines()
    assert [line.split("] ")[-1] for line in lines[:4]] == [
        "Queued",
        "Running",
        "warning",
        "Completed",
    ]


@pytest.mark.parametrize("status", ["Failed", "Canceled"])
def test_stream_of_a_run_that_did_not_complete_exits_1(local: ApiServer, status: str) -> None:
    error = {"code": "ExitCode", "message": "The script exited 3.", "remedy": "Mend it."}
    local.add_run("r1", status, error=error)
    result = retrain("job", "stream", "r1", "--json")
    assert result.exit_code == 1
    events = [json.loads(line) for line in result.stdout.splitlines()]
    assert [event["event"] for event in events] == ["status", "status", "status", "ended"]
    told = retrain("job", "stream", "r1").stderr.splitlines()
    assert told[-2:] == ["error: ExitCode: The script exited 3.", "Mend it."]


@pytest.mark.parametrize("began", ["2026-07-10T10:00:02Z", None])
def test_stream_of_a_canceled_run_says_what_is_left_of_it(
    local: ApiServer, began: str | None
) -> None:
    local.add_run("r1", "Canceled", started_at=began)
    told = retrain("job", "stream", "r1").stderr
    assert ("retrain job download r1" in told) == (began is not None)
    assert ("before its script began" in told) == (began is None)


def test_create_and_stream_in_one(local: ApiServer, job: Path) -> None:
    result = retrain("job", "create", "-f", str(job), "--stream", "--json")
    assert result.exit_code == 0
    assert json.loads(result.stdout.splitlines()[-1])["event"] == "ended"


def test_download_writes_every_file(local: ApiServer, tmp_path: Path) -> None:
    local.add_run("r1")
    files = {"outputs/model.pkl": b"model", "logs/größe.txt": b"x" * 300_000, "stdout.txt": b""}
    local.outputs |= {("r1", path): content for path, content in files.items()}
    result = retrain("job", "download", "r1", "-p", "into")
    assert result.exit_code == 0, result.output
    found = {p.relative_to("into").as_posix(): p.read_bytes()
             for p in Path("into").rglob("*") if p.is_file()}  # fmt: skip
    assert found == files
    assert "Downloaded 3 files of r1: 0.3 MB" in result.stderr
    assert json.loads(retrain("job", "download", "r1", "--json").stdout)["folder"] == "r1"


def test_download_of_a_run_that_goes_on_says_to_wait(local: ApiServer) -> None:
    local.add_run("r1", "Running")
    result = retrain("job", "download", "r1")
    assert result.exit_code == 1
    assert "it is Running" in result.stderr
