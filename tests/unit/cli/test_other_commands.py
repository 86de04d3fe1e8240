"""Schedules, data, compute, profiles, version; and how errors and usage come out."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from retrain.cli.app import app
from tests.unit.cli.api_server import KEY, ApiServer

SCHEDULE = """\
name: wine
trigger: {type: data, path: wine/*.csv}
create_job:
  command: python train.py
  code: src
  environment: {image: "python:3.11"}
"""


def retrain(*args: str, stdin: str | None = None) -> Result:
    return CliRunner().invoke(app, args, input=stdin)


def started(*args: str, **environ: str) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, "-c", "from retrain.cli import main; main()", *args],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[3]), **environ},
        # A shell starts what it runs in the background deaf to Ctrl-C, and that is inherited.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )


def test_a_schedule_from_file_to_deletion(local: ApiServer, tmp_path: Path) -> None:
    (tmp_path / "src").mkdir()
    (tmp_path / "src/train.py").write_text("")
    (tmp_path / "s.yml").write_text(SCHEDULE)
    result = retrain("schedule", "create", "-f", "s.yml")
    assert (result.exit_code, result.stdout) == (0, "wine\n"), result.output
    assert "data wine/*.csv" in result.stderr
    assert local.schedules["wine"]["create_job"]["code"].endswith(".zip")
    listed = retrain("schedule", "list").stdout
    assert listed.split()[-6:] == ["wine", "data", "wine/*.csv", "when", "files", "land"]
    assert json.loads(retrain("schedule", "show", "wine", "--json").stdout)["name"] == "wine"
    assert "wine  data wine/*.csv" in retrain("schedule", "show", "wine").stdout
    assert retrain("schedule", "delete", "wine").exit_code == 0
    gone = retrain("schedule", "delete", "wine")
    assert (gone.exit_code, gone.stderr) == (1, "error: There is no schedule wine.\n")


CLOCK = """\
name: nightly
trigger:
  type: recurrence
  frequency: week
  interval: 2
  start_time: "2030-03-29T02:30:00"
  time_zone: W. Europe Standard Time
create_job:
  command: echo
  environment: {image: python}
"""


def test_a_preview_of_a_file_needs_no_service(tmp_path: Path) -> None:
    file = tmp_path / "s.yml"
    file.write_text(CLOCK)
    shown = retrain("schedule", "preview", "-f", str(file), "--count", "2")
    assert shown.exit_code == 0, shown.output
    head, first, second = shown.stdout.splitlines()
    assert head.split() == ["UTC", "W.", "Europe", "Standard", "Time"]
    assert first.split() == ["Fri", "2030-03-29", "01:30", "Fri", "2030-03-29", "02:30", "+0100"]
    assert second.split() == ["Fri", "2030-04-12", "00:30", "Fri", "2030-04-12", "02:30", "+0200"]
    ticks = json.loads(retrain("schedule", "preview", "-f", str(file), "--json").stdout)
    assert len(ticks) == 10
    assert ticks[0] == {"at": "2030-03-29T01:30:00.000Z", "local": "2030-03-29T02:30:00+01:00"}
    file.write_text(CLOCK.replace("week", "weak"))
    refused = retrain("schedule", "preview", "-f", str(file))
    assert refused.exit_code == 2
    assert "s.yml:4:3: trigger.frequency: must be" in refused.stderr
    file.write_text(SCHEDULE.replace("  code: src\n", ""))
    nothing = retrain("schedule", "preview", "-f", str(file)).stdout
    assert nothing == "wine  data wine/*.csv: nothing is due by the clock\n"
    assert retrain("schedule", "preview").exit_code == 2


def test_a_schedule_is_switched_and_triggered(local: ApiServer) -> None:
    local.schedules["s"] = {"name": "s", "trigger": {"type": "cron", "expression": "0 3 * * *"}}
    assert retrain("schedule", "disable", "s").stdout == "Disabled s.\n"
    assert "disabled" in retrain("schedule", "list").stdout
    assert retrain("schedule", "enable", "s").stdout == "Enabled s.\n"
    assert json.loads(retrain("schedule", "enable", "s", "--json").stdout)["is_enabled"] is True
    assert "Tue 2026-12-01 03:00 +0100" in retrain("schedule", "preview", "s").stdout
    assert retrain("schedule", "trigger", "s", "--path", "in/a").stdout == "by-hand\n"
    assert local.runs["by-hand"]["display_name"] == "in/a"
    (asked,) = local.requests("POST", "/api/schedules/s/trigger")
    assert len(asked.headers["idempotency-key"]) == 64
    assert retrain("schedule", "disable", "gone").exit_code == 1


def test_data_upload_prints_the_uris(local: ApiServer, tmp_path: Path) -> None:
    (tmp_path / "new.csv").write_text("1")
    (tmp_path / "week/a").mkdir(parents=True)
    (tmp_path / "week/a/b.csv").write_text("2")
    (tmp_path / "week/empty.csv").write_text("")
    store = "azureml://datastores/workspaceblobstore/paths/"
    cases = {
        ("new.csv",): ["new.csv"],
        ("new.csv", "--to", "wine/x.csv"): ["wine/x.csv"],
        ("new.csv", "--to", "wine/"): ["wine/new.csv"],
        ("week",): ["week/a/b.csv", "week/empty.csv"],
        ("week", "--to", "wine"): ["wine/a/b.csv", "wine/empty.csv"],
    }
    for args, paths in cases.items():
        result = retrain("data", "upload", *args)
        assert result.stdout.split() == [store + path for path in paths], result.output
    assert local.blobs["/blob/data/wine/a/b.csv"] == b"2"
    missing = retrain("data", "upload", "gone.csv")
    assert (missing.exit_code, missing.stderr) == (2, "error: gone.csv does not exist.\n")


def test_compute_list(local: ApiServer) -> None:
    assert retrain("compute", "list").stdout == "No compute.\n"
    local.compute["pools"].append({"id": "p1", "run": "r1", "state": "active", "nodes": 2})
    assert retrain("compute", "list").stdout.split()[-5:] == ["pool", "p1", "active", "2", "r1"]
    listed = json.loads(retrain("compute", "list", "--json").stdout)
    assert listed.items() >= {"computes": [], **local.compute}.items()


def test_profiles_are_set_used_and_shown_without_their_keys(own_profile: Path) -> None:
    assert retrain("profile", "set", "cloud", "--endpoint", "https://a.example/", "--key",
                   "-", stdin="secret\n").exit_code == 0  # fmt: skip
    retrain("profile", "set", "local", "--endpoint", "http://127.0.0.1:7071")
    assert retrain("profile", "use", "local").exit_code == 0
    shown = retrain("profile", "show").stdout.splitlines()
    assert shown == [
        "  cloud  https://a.example  with a key",
        "* local  http://127.0.0.1:7071  without a key",
    ]
    assert "secret" not in retrain("profile", "show", "--json").output
    assert "secret" in own_profile.read_text()
    bad = retrain("profile", "set", "x", "--endpoint", "localhost:7071")
    assert bad.exit_code == 2
    assert "is no address" in bad.stderr


def test_no_profiles(own_profile: Path) -> None:
    shown = retrain("profile", "show")
    assert (shown.exit_code, shown.stdout) == (0, "")
    assert "There are no profiles: `retrain up` makes one" in shown.stderr


def test_version() -> None:
    assert retrain("version").stdout == "0.1.0\n"
    assert json.loads(retrain("version", "--json").stdout) == {"version": "0.1.0"}


USAGE = {
    "no such command": (("job", "shw"), "No such command 'shw'"),
    "no such option": (("job", "list", "--wide"), "No such option: --wide"),
    "no file": (("job", "create"), "Missing option"),
    "a setting without a value": (("job", "create", "-f", "x", "--set", "a"), "--set"),
    "a status that is none": (
        ("job", "list", "--status", "Done"),
        "'Done' is no status; there are: NotStarted, Queued,",
    ),
    "a number that is none": (
        ("job", "create", "-f", "x", "--code-max-mb", "abc"),
        "Invalid value for '--code-max-mb': must be a number",
    ),
    "a whole number that is none": (
        ("job", "list", "--limit", "1.5"),
        "Invalid value for '--limit': must be a whole number",
    ),
    "a number that is too small": (
        ("job", "list", "--limit", "0"),
        "Invalid value for '--limit': must be at least 1",
    ),
    "an unknown profile": (("job", "list", "--profile", "x"), "no profile 'x'"),
    "no profile at all": (("job", "list"), "No profile says"),
}


@pytest.mark.parametrize(("args", "says"), USAGE.values(), ids=USAGE)
def test_wrong_usage_is_two_lines_and_exit_code_2(args: tuple[str, ...], says: str) -> None:
    result = retrain(*args)
    assert result.exit_code == 2
    assert says in result.stderr
    assert result.stderr.count("\n") <= 2
    assert result.stdout == ""


@pytest.mark.parametrize("args", [(), ("job",), ("schedule",)])
def test_no_command_shows_the_help(args: tuple[str, ...]) -> None:
    result = retrain(*args)
    assert result.exit_code == 2
    assert "Commands:" in result.stderr


def test_nobody_there(own_profile: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    retrain("profile", "set", "local", "--endpoint", "http://127.0.0.1:1")
    result = retrain("job", "list")
    assert result.exit_code == 1
    said = f"at http://127.0.0.1:1, the address of profile 'local' in {own_profile} (Connection"
    assert said in result.stderr
    assert result.stderr.splitlines()[1].startswith("Is the stack up? `retrain up`; ")
    monkeypatch.setenv("RETRAIN_ENDPOINT", "http://no-such-host.invalid")
    elsewhere = retrain("job", "list")
    assert elsewhere.exit_code == 1
    assert "invalid, the address of the variable RETRAIN_ENDPOINT (" in elsewhere.stderr
    assert "Errno" not in elsewhere.stderr
    assert elsewhere.stderr.splitlines()[1].startswith("Check the address and the network; ")


def test_a_wrong_key(server: ApiServer, own_profile: Path) -> None:
    retrain("profile", "set", "local", "--endpoint", server.endpoint, "--key", "wrong")
    result = retrain("job", "list")
    assert result.exit_code == 1
    assert "refuses the key" in result.stderr
    assert "wrong" not in result.output


def test_a_bug_is_one_line_and_where_to_look(local: ApiServer) -> None:
    local.runs["r1"] = {"name": "r1"}  # an answer that breaks the contract
    local.outputs.clear()
    result = retrain("job", "show", "r1")
    assert result.exit_code == 1
    assert result.stderr.startswith("error: this is a bug in retrain: KeyError")
    assert "RETRAIN_DEBUG=1" in result.stderr
    assert "Traceback" not in result.stderr


def test_debugging_shows_the_traceback(local: ApiServer, monkeypatch: pytest.MonkeyPatch) -> None:
    local.runs["r1"] = {"name": "r1"}
    monkeypatch.setenv("RETRAIN_DEBUG", "1")
    assert "Traceback" in retrain("job", "show", "r1").stderr


def test_a_disk_that_says_no_is_told(local: ApiServer, tmp_path: Path) -> None:
    local.add_run("r1")
    local.outputs["r1", "stdout.txt"] = b"x"
    (tmp_path / "r1").write_text("a file in the way")
    result = retrain("job", "download", "r1")
    assert result.exit_code == 1
    assert result.stderr == "error: r1: File exists\n"


def test_exit_codes_of_the_real_process(local: ApiServer) -> None:
    local.add_run("good")
    local.add_run("bad", "Failed")
    for args, code in {("stream", "good"): 0, ("stream", "bad"): 1, ("shw",): 2}.items():
        with started("job", *args) as process:
            process.communicate(timeout=30)
        assert process.returncode == code, args


@pytest.mark.skipif(os.name == "nt", reason="signals differ")
def test_ctrl_c_leaves_the_run_going_and_says_so(local: ApiServer) -> None:
    local.add_run("r1", "Running")
    local.logs["r1", "stdout.txt"] = b"epoch 1\n"
    with started("job", "stream", "r1") as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "epoch 1\n"
        process.send_signal(signal.SIGINT)
        _, stderr = process.communicate(timeout=30)
    assert process.returncode == 130
    assert "The run goes on." in stderr
    assert "retrain job cancel r1" in stderr
    assert "Traceback" not in stderr
    assert local.requests("POST", "/api/jobs/r1/cancel") == []


def test_a_reader_that_leaves_is_no_error(local: ApiServer) -> None:
    for number in range(2000):
        local.add_run(f"r{number:06}", experiment_name="x" * 200)
    with started("job", "list", "--limit", "2000") as process:
        assert process.stdout is not None
        process.stdout.readline()
        process.stdout.close()
        assert process.stderr is not None
        assert "Traceback" not in process.stderr.read()


def test_help_loads_neither_the_client_nor_rich() -> None:
    code = (
        "import sys\nfrom retrain.cli.app import app\n"
        "try: app(['--help'])\nexcept SystemExit: pass\n"
        "print([m for m in ('httpx', 'rich', 'pydantic', 'ruamel', 'asyncio') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"


def test_help_names_every_command() -> None:
    text = retrain("--help").stdout
    for command in ("up", "demo", "job", "schedule", "data", "compute", "profile", "version"):
        assert f"\n  {command} " in text
    assert KEY not in text


def test_a_drain_asks_first_and_waits_until_nothing_is_left(local: ApiServer) -> None:
    local.to_drain = [(["run"], ["job"], ["pool-1", "pool-2"]), ([], [], ["pool-2"]), ([], [], [])]
    refused = retrain("compute", "drain", stdin="n\n")
    assert (refused.exit_code, local.requests("POST", "/api/compute/drain")) == (130, [])
    drained = retrain("compute", "drain", "--by", "anna", stdin="y\n")
    assert drained.exit_code == 0, drained.output
    assert drained.stdout.endswith("is left: 1 run, 1 Batch job, 2 Batch pools.\n")
    assert "Left: 1 Batch pool." in drained.stderr
    assert "Compute is held" in retrain("job", "list").stderr
    assert "Held by anna since" in retrain("compute", "list").stdout
    assert "Compute is held" not in retrain("job", "list", "--json").stderr
    again = retrain("compute", "drain", "--yes")
    assert again.stdout == "Drained, nothing is left: there was nothing.\n"
    resumed = retrain("compute", "resume", "--json")
    assert json.loads(resumed.stdout) == {"held": None, "runs": 0}
    assert "Compute is held" not in retrain("job", "list").stderr


LIMITS = {
    "nodes": ({"max_nodes": 8, "nodes": 3}, "3 of 8 nodes in use"),
    "one waits": (
        {"max_nodes": 8, "nodes": 8, "waiting": 1},
        "8 of 8 nodes in use, 1 run waits",
    ),
    "hours": (
        {"max_node_hours_a_day": 40.0, "node_hours_today": 1.234, "waiting": 12},
        "1.2 of 40 node-hours used today (UTC), 12 runs wait",
    ),
}


@pytest.mark.parametrize(("limits", "line"), LIMITS.values(), ids=LIMITS)
def test_what_is_used_of_the_limits(local: ApiServer, limits: dict[str, float], line: str) -> None:
    assert retrain("compute", "list").stdout == "No compute.\n"
    local.compute["limits"] = limits
    assert retrain("compute", "list").stdout == f"{line}\nNo compute.\n"
    assert (
        json.loads(retrain("compute", "list", "--json").stdout)["limits"].items() >= limits.items()
    )
