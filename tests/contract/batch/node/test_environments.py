"""Process mode: which virtual environment stands for which image."""

import subprocess
import sys
from pathlib import Path

from tests.contract.batch.node.conftest import Stage

PREFIX = "python -c 'import sys; print(sys.prefix)'"


def test_without_an_image_python_is_a_bare_environments(stage: Stage, tmp_path: Path) -> None:
    assert stage.run(PREFIX).succeeded
    assert stage.stdout() == f"{tmp_path / 'environments' / 'default'}\n"
    assert stage.run("sh -c 'echo $VIRTUAL_ENV'").succeeded
    assert stage.stdout() == f"{tmp_path / 'environments' / 'default'}\n"


def test_a_built_image_is_its_environment(stage: Stage, tmp_path: Path) -> None:
    folder = tmp_path / "environments" / "0a1b"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", folder], check=True)
    assert stage.run(PREFIX, image="retrain.local/environment:0a1b").succeeded
    assert stage.stdout() == f"{folder}\n"


def test_an_image_that_was_never_built_is_said_so(stage: Stage) -> None:
    outcome = stage.run("true", image="retrain.local/environment:ffff")
    assert outcome.exit_code is None
    assert outcome.failure is not None
    assert outcome.failure.code == "ContainerInvalidImage"
    assert dict(outcome.failure.details)["Image"] == "retrain.local/environment:ffff"


def test_the_tasks_own_path_comes_after_the_environments(stage: Stage, tmp_path: Path) -> None:
    tools = tmp_path / "tools"
    tools.mkdir()
    (tools / "mytool").write_text("#!/bin/sh\necho mine\n")
    (tools / "mytool").chmod(0o755)
    path = f"{tools}:/usr/bin:/bin"
    assert stage.run("mytool", environment={"PATH": path}).succeeded
    assert stage.stdout() == "mine\n"
