"""The wine example as a user runs it: as a process without a container engine, and in one."""

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from retrain.client import Client
from retrain.jobfile import read_job
from retrain.local.engine import Engine
from retrain.submit import submit
from tests.contract.images.conftest import engine as engine
from tests.contract.images.conftest import image as image
from tests.flow.local_stack import LocalStack, ended, no_compute_left, running_stack, stdout
from tests.flow.plain_tracking import check_that_a_script_is_heard

WINE = Path(__file__).parents[2] / "examples" / "wine"


def _train(client: Client, folder: Path, overrides: dict[str, str]) -> Path:
    """Submit, wait, download; returns the model's path."""
    run = ended(client, submit(client, read_job(WINE / "job.yml", overrides))["name"], 300)
    assert run["status"] == "Completed", run["error"]
    assert "trained on 89 wines" in stdout(client, run["name"])
    assert no_compute_left(client)
    client.download(run["name"], folder)
    metrics = json.loads(next(folder.rglob("metrics.json")).read_text())
    assert metrics["accuracy"] > 0.8
    return next(folder.rglob("model.joblib"))


def _predict(python: list[str], model: Path) -> None:
    words = [str(WINE / "src" / "predict.py"), "--model", str(model)]
    words += ["--data", str(WINE / "data" / "wine-new.csv")]
    said = json.loads(subprocess.run([*python, *words], check=True, capture_output=True).stdout)
    assert (said["wines"], said["right"] > 45) == (59, True)


@pytest.mark.xdist_group("stack")
@pytest.mark.timeout(300)
def test_as_a_process(stack: LocalStack, client: Client, tmp_path: Path) -> None:
    model = _train(client, tmp_path, {})
    image = client.get_job(next(iter(client.list_jobs()))["name"])["image"]
    assert image is not None
    environment = stack.data / "images" / "environments" / image.rpartition(":")[2]
    _predict([str(environment / "bin" / "python")], model)
    node_log = next(stack.data.rglob("node.log")).read_text()
    assert "no container engine" in node_log.lower()


@pytest.fixture
def containers(engine: Engine, tmp_path: Path) -> Iterator[LocalStack]:
    with running_stack(tmp_path / "stack", engine.name) as started:
        yield started


@pytest.mark.podman
@pytest.mark.timeout(400)
def test_in_a_container(containers: LocalStack, engine: Engine, image: str, tmp_path: Path) -> None:
    with containers.client() as client:
        model = _train(client, tmp_path / "out", {"environment.image": image})
        run = client.get_job(next(iter(client.list_jobs()))["name"])
        check_that_a_script_is_heard(client, image)
    built = run["image"]
    assert built is not None
    assert built.startswith("retrain.local/environment:")
    mounts = [f"--volume={folder}:{folder}:ro" for folder in (WINE, model.parent)]
    words = [*engine.command, "run", "--rm", *engine.run_options, *mounts, built, "python3"]
    _predict(words, model)
    node_log = next(containers.data.rglob("node.log")).read_text()
    assert engine.name in node_log
