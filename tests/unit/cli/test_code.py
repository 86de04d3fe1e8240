"""`retrain job create`: how much code travels, what is put beside it, and where it is from."""

import io
import os
import subprocess
import zipfile
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from retrain import profile
from retrain.cli.app import app
from tests.unit.cli.api_server import KEY, STORE, ApiServer

JOB = """\
command: python train.py
code: src
environment: {image: "python:3.11"}
"""


def create(*args: str) -> Result:
    return CliRunner().invoke(app, ["job", "create", "-f", "job.yml", *args])


@pytest.fixture(autouse=True)
def job(tmp_path: Path, local: ApiServer) -> Path:
    (tmp_path / "src").mkdir()
    (tmp_path / "src/train.py").write_text("pass")
    (tmp_path / "src/more.py").write_bytes(bytes(2_000))
    (tmp_path / "job.yml").write_text(JOB)
    return tmp_path / "job.yml"


def test_limits_by_option_then_variable_then_profile(
    local: ApiServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    profile.save(profile.Profile("local", local.endpoint, KEY, code_max_files=1))
    refused = create()
    assert refused.exit_code == 2
    assert "2 files of 2.0 kB (at most 1 files and 300.0 MB)" in refused.stderr
    assert "--code-max-files" in refused.stderr
    monkeypatch.setenv("RETRAIN_CODE_MAX_FILES", "2")
    assert create().exit_code == 0
    assert create("--code-max-files", "1").exit_code == 2
    monkeypatch.setenv("RETRAIN_CODE_MAX_MB", "0.001")
    assert "at most 2 files and 1.0 kB" in create().stderr
    assert create("--code-max-mb", "1").exit_code == 0
    monkeypatch.setenv("RETRAIN_CODE_MAX_MB", "lots")
    wrong = create()
    assert (wrong.exit_code, "RETRAIN_CODE_MAX_MB is 'lots'" in wrong.stderr) == (2, True)


def test_what_is_included_travels_with_the_code(
    local: ApiServer, job: Path, tmp_path: Path
) -> None:
    (tmp_path / "shared").mkdir()
    (tmp_path / "shared/lib.py").write_text("x = 1")
    job.write_text(JOB + "additional_includes: [./shared]\n")
    created = create()
    assert created.exit_code == 0, created.output
    sent = local.runs[created.stdout.strip()]["job"]
    assert "additional_includes" not in sent
    with zipfile.ZipFile(
        io.BytesIO(local.blobs[sent["code"].replace(STORE, "/blob/snapshots/")])
    ) as archive:
        assert archive.namelist() == ["more.py", "shared/lib.py", "train.py"]


def test_an_include_that_is_missing_is_told_with_its_line(job: Path) -> None:
    job.write_text(JOB + "additional_includes:\n  - src/train.py\n  - ../gone\n")
    refused = create()
    assert refused.exit_code == 2
    assert "job.yml:6:5: additional_includes[1]: " in refused.stderr
    assert "does not exist" in refused.stderr


def test_the_commit_is_on_the_run_and_shown(local: ApiServer, tmp_path: Path) -> None:
    identity = ["-c", "user.name=a", "-c", "user.email=a@b.c"]
    environment = {"PATH": os.environ["PATH"], "GIT_CONFIG_GLOBAL": os.devnull}
    remote = ["remote", "add", "origin", "https://me:secret@example.org/a.git"]
    for words in (
        ["init", "-q", "-b", "work"],
        remote,
        ["add", "src"],
        [*identity, "commit", "-qm", "x"],
    ):
        subprocess.run(["git", *words], cwd=tmp_path, check=True, env=environment)
    (tmp_path / "src/train.py").write_text("changed")
    name = create().stdout.strip()
    properties = local.runs[name]["job"]["properties"]
    assert properties["azureml.git.dirty"] == "True"
    assert properties["azureml.git.repository_uri"] == "https://example.org/a.git"
    local.runs[name]["properties"] = properties
    shown = CliRunner().invoke(app, ["job", "show", name]).stdout
    assert (
        f"{properties['azureml.git.commit'][:12]} (work, changed since) https://example.org"
        in shown
    )
