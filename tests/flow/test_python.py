"""Retrain from Python as users write it: the page's examples, and the example folders, alive."""

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import chdir
from pathlib import Path

import mlflow
import pytest
from typer.testing import CliRunner

from retrain import Client, Environment, Experiment, Input, ScriptRunConfig, command, profile
from retrain.cli.app import app
from tests.flow.local_stack import LocalStack, no_compute_left, running_stack

pytestmark = pytest.mark.xdist_group("python-stack")

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs/python.md"
IMAGE = Environment(image="python:3.11-slim")
TRAIN = """\
import argparse
from pathlib import Path
parser = argparse.ArgumentParser()
parser.add_argument("--rows", type=int)
parser.add_argument("--title", default="")
given = parser.parse_args()
print(f"trained on {given.rows} rows {given.title}".rstrip())
Path("outputs/model.txt").write_text(given.title)
"""
JOB = """\
command: python train.py --rows ${{inputs.rows}}
code: src
inputs: {rows: 1}
environment: {image: "python:3.11-slim"}
"""


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalStack]:
    # five minutes between two looks at a pool that scales itself are five seconds
    options = ("--batch-speed", "60", "--port-faults", "0")
    with running_stack(tmp_path_factory.mktemp("python"), "none", *options) as started:
        yield started


@pytest.fixture(autouse=True)
def user(stack: LocalStack, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Somebody whose profile `local` is the stack's, in a folder with a script and a job file."""
    for name in ("RETRAIN_ENDPOINT", "RETRAIN_KEY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("RETRAIN_CONFIG", str(tmp_path / "profiles.toml"))
    local = profile.Profile("local", stack.addresses["api"], stack.addresses["key"])
    profile.save(local, use=True)
    work = tmp_path / "work"
    (work / "src").mkdir(parents=True)
    (work / "src/train.py").write_text(TRAIN)
    (work / "job.yml").write_text(JOB)
    return work


def run_example(folder: str, user: Path, *words: str) -> str:
    """What the example prints, run in a copy of it by a Python of its own."""
    there = user / folder
    if not there.exists():
        shutil.copytree(ROOT / "examples" / folder, there)
    done = subprocess.run(
        [sys.executable, *words],
        cwd=there,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_pages_examples_run(user: Path, capsys: pytest.CaptureFixture[str]) -> None:
    names: dict[str, object] = {}
    blocks = re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    with chdir(user):
        for block in blocks:
            exec(compile(block, str(PAGE), "exec"), names)
    said = capsys.readouterr().out
    assert "trained on 1000 rows\n" in said
    assert "[('every-night', 'cron')]" in said
    assert "command: ${{inputs.row}}" in said
    assert 'trained on 5 rows it\'s $(only) "text"' in said
    assert (user / "got/outputs/model.txt").read_text() == 'it\'s $(only) "text"'
    assert (user / "downloaded/stdout.txt").is_file()
    # the page shows what the first block prints, but for the times
    shown = re.findall(r"```\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)[0]
    plain = re.compile(r"^\[[0-9:]+\] ", re.MULTILINE)
    told = set(plain.sub("", shown).splitlines()) - {"…"}
    assert told <= set(plain.sub("", said).splitlines())


def test_the_example_of_the_api(user: Path) -> None:
    said = run_example("python-api", user, "submit.py")
    assert "6 points: y = 1.98 x + 1.06" in said
    fit = json.loads((user / "python-api/downloaded/outputs/fit/line.json").read_text())
    assert fit == {"slope": 1.98, "offset": 1.06}
    assert re.search(r"Completed 0\.01$", said.strip())


def test_one_script_runs_here_and_on_a_compute_by_its_name(user: Path) -> None:
    said = run_example("script-run-config", user, "run.py")
    title = 'it\'s $(only) "text"'
    assert f"{title}: epoch 3" in said
    with Client() as client:
        wanted = {"type": "amlcompute", "size": "Standard_D2s_v3"}
        client.create_compute(
            {"name": "cpu-cluster", "min_instances": 1, "max_instances": 1} | wanted
        )
        there = run_example("script-run-config", user, "run.py", "--target", "cpu-cluster")
        assert f"{title}: epoch 3" in there
        on = [run.compute for run in client.jobs.list(experiment_name="script-run-config")]
        client.delete_compute("cpu-cluster")
    assert on == ["cpu-cluster", "local"]


def test_arguments_are_data_on_the_node_too(user: Path) -> None:
    evil = ["a b", "$(touch pwned)", "`id`", "'\"", "${{inputs.x}}", "$[[x]]", "", "new\nline", "*"]
    (user / "src/show.py").write_text(
        "import json, os, sys\nprint(json.dumps([*sys.argv[1:], os.listdir()]))"
    )
    config = ScriptRunConfig(
        source_directory=user / "src",
        script="show.py",
        arguments=[*evil, Input(type="uri_file", path=user / "job.yml")],
        compute_target="local",
        environment=IMAGE,
    )
    with Client() as client:
        run = Experiment(client, "evil").submit(config)
        run.wait_for_completion()
        *got, data, listed = json.loads(run.logs())
        assert no_compute_left(client)
    assert got == evil
    assert data.endswith("/job.yml")
    assert "pwned" not in listed


def test_the_example_of_includes_by_the_command_line(user: Path) -> None:
    shutil.copytree(ROOT / "examples/additional-includes", user / "more")
    (user / "more/src/scratch").mkdir()
    (user / "more/src/scratch/big.csv").write_text("1,2,3")
    words = ["job", "create", "-f", str(user / "more/job.yml"), "--stream"]
    done = CliRunner().invoke(app, words)
    assert done.exit_code == 0, done.output
    assert "features: [0, 1, 4, 9]" in done.stdout
    assert "files: ['.amlignore', 'features/__init__.py', 'train.py']" in done.stdout


def test_modes_and_the_commit_reach_node_and_record(user: Path) -> None:
    identity = ["-c", "user.name=a", "-c", "user.email=a@b.c"]
    (user / "src/run.sh").write_text("#!/bin/sh\necho ran\n")
    (user / "src/run.sh").chmod(0o755)
    for words in (["init", "-q", "-b", "work"], ["add", "src"], [*identity, "commit", "-qm", "x"]):
        subprocess.run(["git", *words], cwd=user, check=True)
    with Client() as client:
        job = command(command="./run.sh", code=user / "src", environment=IMAGE)
        run = client.jobs.create_or_update(job).wait()
        assert run.logs() == "ran\n"
        assert run.properties["azureml.git.branch"] == "work"
        assert run.properties["azureml.git.dirty"] == "False"
    shown = CliRunner().invoke(app, ["job", "show", run.name]).stdout
    assert f"{run.properties['azureml.git.commit'][:12]} (work)" in shown


def test_what_the_script_logs_with_mlflow_is_on_the_run(user: Path) -> None:
    (user / "src/logs.py").write_text(
        "import mlflow\n"
        "mlflow.log_param('depth', 3)\n"
        "for step in range(3): mlflow.log_metric('loss', 1 / (step + 1), step=step)\n"
        "mlflow.log_metric('odd', float('nan'))\n"
    )
    config = ScriptRunConfig(
        source_directory=user / "src",
        script="logs.py",
        compute_target="local",
        environment=IMAGE,
        # this test's own MLflow, so that no environment has to be built
        environment_variables={"PYTHONPATH": str(Path(mlflow.__file__).parents[1])},
    )
    with Client() as client:
        run = Experiment(client, "logged").submit(config)
        run.wait_for_completion(show_output=True)
        metrics = run.get_metrics()
        assert metrics["loss"] == pytest.approx(1 / 3)
        assert metrics["odd"] != metrics["odd"]
        history = run.metric_history("loss")
        assert [(one.step, one.value) for one in history] == [(0, 1.0), (1, 0.5), (2, 1 / 3)]
        assert run.params() == {"depth": "3"}
