"""client.jobs and a run: what is asked, what is shown, and how it ends."""

import io
from datetime import UTC, datetime
from pathlib import Path

import pytest

from retrain import (
    ApiError,
    Client,
    Environment,
    Limits,
    Problem,
    RunFailed,
    SnapshotRefused,
    command,
    profile,
)
from tests.unit.cli.api_server import KEY, ApiServer


def test_a_run_has_everything_as_attributes_of_their_types(
    server: ApiServer, client: Client
) -> None:
    server.add_run("r1", "Failed", tags={"a": "b"}, properties={"azureml.git.commit": "6f1"})
    server.runs["r1"]["error"] = {"code": "Exit", "message": "It ended with 3.", "remedy": "Look."}
    run = client.jobs.get("r1")
    assert (run.name, run.status, run.final, run.attempt) == ("r1", "Failed", True, 1)
    assert run.created_at == datetime(2026, 7, 10, 10, 0, tzinfo=UTC)
    assert run.ended_at is not None
    assert (run.ended_at - run.created_at).total_seconds() == 64.5
    assert [moment.status for moment in run.timeline] == ["Queued", "Running", "Failed"]
    assert run.error is not None
    assert (run.error.code, run.error.remedy) == ("Exit", "Look.")
    assert (run.tags, run.properties["azureml.git.commit"]) == ({"a": "b"}, "6f1")
    assert run.source.kind == "http"
    assert repr(run) == "Run(name='r1', status='Failed')"


def test_a_list_asks_once_and_for_the_rest_only_when_it_is_used(
    server: ApiServer, client: Client
) -> None:
    for number in range(3):
        server.add_run(f"r{number}", "Completed" if number else "Failed")
    found = client.jobs.list(status="Completed", experiment_name="wine", max_results=1)
    assert [run.name for run in found] == ["r2"]
    for key in ("tags", "timeline"):
        del found[0]._record[key]
    asked = len(server.requests("GET", "/api/jobs/r2"))
    assert len(found[0].timeline) == 3
    assert len(server.requests("GET", "/api/jobs/r2")) == asked + 1
    assert found[0].tags == {}
    assert len(server.requests("GET", "/api/jobs/r2")) == asked + 1


def test_a_status_that_there_is_not_is_told_with_those_there_are(
    server: ApiServer, client: Client
) -> None:
    server.add_run("r1")
    with pytest.raises(ValueError, match=r"'Done' is no status of a run; there is: NotStarted, Q"):
        client.jobs.list(status="Done")
    with pytest.raises(Problem, match=r"did you mean 'Canceled'\?"):
        client.jobs.list(status=["Failed", "cancelled"])
    assert [run.name for run in client.jobs.list(status="completed")] == ["r1"]
    assert len(server.requests("GET", "/api/jobs")) == 1


def test_streaming_prints_the_log_and_keeps_our_lines_apart(
    server: ApiServer, client: Client, capsys: pytest.CaptureFixture[str]
) -> None:
    server.add_run("r1")
    server.logs["r1", "stdout.txt"] = b"epoch 1\nepoch 2, and no end of line"
    client.jobs.stream("r1")
    assert capsys.readouterr().out.splitlines() == [
        "[10:00:00] Queued",
        "[10:00:02] Running",
        "epoch 1",
        "epoch 2, and no end of line",
        "[10:01:04] Completed",
    ]
    elsewhere = io.StringIO()
    client.jobs.get("r1").stream(file=elsewhere)
    assert "epoch 2" in elsewhere.getvalue()


@pytest.mark.parametrize("status", ["Failed", "Canceled"])
def test_a_run_that_did_not_complete_is_an_error_that_holds_it(
    server: ApiServer, client: Client, status: str
) -> None:
    error = {"code": "Exit", "message": "It ended with 3.", "remedy": "Look at stderr.txt."}
    server.add_run("r1", status, error=error)
    with pytest.raises(RunFailed, match=f"Run r1 is {status}: It ended with 3") as failed:
        client.jobs.wait("r1")
    assert (failed.value.run.name, failed.value.remedy) == ("r1", "Look at stderr.txt.")
    assert client.jobs.get("r1").wait(raise_on_error=False).status == status
    with pytest.raises(RunFailed):
        client.jobs.stream("r1")


def test_patience_ends_and_the_run_goes_on(server: ApiServer, client: Client) -> None:
    server.add_run("r1", "Running")
    with pytest.raises(TimeoutError, match="r1 is still Running"):
        client.jobs.wait("r1", timeout=0)
    assert client.jobs.cancel("r1").status == "CancelRequested"


def test_files_are_downloaded_all_or_by_output(
    server: ApiServer, client: Client, folder: Path
) -> None:
    server.add_run("r1")
    for path in ("outputs/model/a.bin", "outputs/model2/b.bin", "logs/x.txt", "stdout.txt"):
        server.outputs["r1", path] = path.encode()
    run = client.jobs.get("r1")
    assert len(client.jobs.download("r1")) == 4
    assert (folder / "r1/outputs/model/a.bin").read_text() == "outputs/model/a.bin"
    assert client.jobs.download("r1", "out", output_name="model") == [
        Path("out/outputs/model/a.bin")
    ]
    assert run.download("logs-only", prefix="logs/") == [Path("logs-only/logs/x.txt")]
    assert run.files()[0] == "logs/x.txt"


def test_a_run_that_is_not_there(client: Client) -> None:
    with pytest.raises(ApiError, match="There is no run none") as refused:
        client.jobs.get("none")
    assert refused.value.status == 404


def test_every_submission_is_a_run_of_its_own(server: ApiServer, client: Client) -> None:
    job = command(command="echo", environment=Environment(image="a"))
    assert client.jobs.create_or_update(job).name != client.jobs.create_or_update(job).name
    assert len(server.runs) == 2


def test_limits_by_argument_and_by_the_clients_profile(server: ApiServer, folder: Path) -> None:
    (folder / "src").mkdir()
    for name in ("a.py", "b.py"):
        (folder / "src" / name).write_text(name)
    job = command(command="echo", code="src", environment=Environment(image="a"))
    profile.save(profile.Profile("tight", server.endpoint, KEY, code_max_files=1), use=True)
    with Client() as client:
        with pytest.raises(SnapshotRefused, match="at most 1 files"):
            client.jobs.create_or_update(job)
        assert client.jobs.create_or_update(job, limits=Limits(files=2)).name in server.runs


EVIL = '<img src=x onerror="alert(1)">&'


def test_html_shows_what_there_is_and_trusts_nothing(server: ApiServer, client: Client) -> None:
    server.add_run(
        "r1", "Failed", display_name=EVIL, tags={EVIL: EVIL}, environment=EVIL,
        error={"code": EVIL, "message": EVIL, "remedy": EVIL},
    )  # fmt: skip
    server.runs["r1"]["timeline"][0]["note"] = EVIL
    for shown in (client.jobs.get("r1")._repr_html_(), client.jobs.list()._repr_html_()):
        assert "<img" not in shown
        assert "&lt;img src=x onerror=&quot;alert(1)&quot;&gt;&amp;" in shown
        assert shown.count("<tr>") == shown.count("</tr>") > 1
        assert "Failed" in shown
