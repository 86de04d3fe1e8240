"""Environments on a live stack: registered, curated, built once, their builds' lines streamed."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from azure.storage.blob import BlobServiceClient

from retrain.client import ApiError, Client, Ended, LogText, StatusChanged
from retrain.jobfile import read_job
from retrain.local.engine import Engine
from retrain.submit import submit
from tests.contract.images.conftest import TEST_IMAGE
from tests.contract.images.conftest import engine as engine
from tests.flow.local_stack import LocalStack, ended, job, running_stack, stdout

pytestmark = [pytest.mark.xdist_group("stack"), pytest.mark.timeout(300)]

EXAMPLES = Path(__file__).parents[2] / "examples"
CONDA = EXAMPLES / "conda-environment"


def retrain(stack: LocalStack, *words: str, status: int = 0) -> "subprocess.CompletedProcess[str]":
    environment = {**os.environ, "RETRAIN_CONFIG": str(stack.data / "profiles.toml")}
    command = [sys.executable, "-m", "retrain", *words]
    ran = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    assert ran.returncode == status, ran.stdout + ran.stderr
    return ran


def with_packages(*lines: str) -> dict[str, Any]:
    conda = {"dependencies": [{"pip": [*lines]}]}
    return {"image": "python:3.11-slim", "conda_file": conda}


def test_a_registered_environment_from_file_to_run(stack: LocalStack, client: Client) -> None:
    file = str(CONDA / "environment.yml")
    for _ in range(2):
        created = retrain(stack, "environment", "create", "-f", file)
        assert created.stdout == "azureml:greeter:1\n"
    built = retrain(stack, "environment", "build", "greeter")
    assert "uv pip install" in built.stderr, "the build's log is shown"
    assert retrain(stack, "environment", "build", "-f", file).stderr == "", "it is there already"
    shown = json.loads(retrain(stack, "environment", "show", "greeter:1", "--json").stdout)
    assert shown["built"]["state"] == "ready"
    assert f"{shown['built']['image']}\n" == built.stdout
    assert "uv pip install" in retrain(stack, "environment", "log", "greeter").stdout
    assert "greeter" in retrain(stack, "environment", "list").stdout

    run = ended(client, submit(client, read_job(CONDA / "job.yml"))["name"])
    assert run["status"] == "Completed", run["error"]
    assert stdout(client, run["name"]).split() == ["tabulate", "0.9.0", "iniconfig", "2.0.0"]
    assert run["environment"] == "greeter:1"
    assert run["job"]["environment"]["conda_file"]["dependencies"], "the record says what it was"
    assert run["image"] == shown["built"]["image"]

    retrain(stack, "environment", "archive", "greeter")
    with pytest.raises(ApiError) as refused:
        submit(client, read_job(CONDA / "job.yml"))
    assert (refused.value.status, refused.value.code) == (404, "EnvironmentNotFound")


def test_a_version_never_changes(client: Client) -> None:
    document = {"name": "fixed", "version": "1", "image": "python:3.11-slim"}
    client.create_environment(document)
    with pytest.raises(ApiError) as refused:
        client.create_environment({**document, "image": "python:3.12-slim"})
    assert (refused.value.status, refused.value.code) == (409, "VersionTaken")
    assert (
        client.create_environment({**document, "version": None} | {"image": "b"})["version"] == "2"
    )


def test_a_curated_environment_is_made_of_packages(client: Client) -> None:
    run = submit(client, read_job(EXAMPLES / "curated-environment" / "job.yml"))
    run = ended(client, run["name"], 250)
    assert run["status"] == "Completed", run["error"]
    said = stdout(client, run["name"])
    assert said.startswith("scikit-learn 1.5.")
    assert "on 150 irises" in said


def test_two_runs_that_need_the_same_new_image_build_it_once(
    stack: LocalStack, client: Client
) -> None:
    document = job("python -c 'import iniconfig'", environment=with_packages("iniconfig==2.1.0"))
    with ThreadPoolExecutor(4) as pool:
        names = [run["name"] for run in pool.map(lambda _: client.create_job(document), range(4))]
    runs = [ended(client, name) for name in names]
    assert [run["error"] for run in runs] == [None] * 4
    key = runs[0]["environment_key"]
    assert key is not None
    log = client.build_log(key).data.decode()
    assert log.count("uv venv") == 1
    claim = json.loads(claim_of(stack, key))
    assert (claim["number"], claim["state"]) == (1, "ready")


def claim_of(stack: LocalStack, key: str) -> bytes:
    """The claim, as the registry keeps it."""
    with BlobServiceClient.from_connection_string(stack.addresses["blob"]) as service:
        blob = service.get_blob_client("registry", f"builds/{key}.json")
        return bytes(blob.download_blob().readall())


def test_the_build_is_streamed_while_it_goes_on(client: Client) -> None:
    document = job("true", environment=with_packages("iniconfig==1.1.1"))
    items = list(client.follow(client.create_job(document)["name"]))
    assert isinstance(items[-1], Ended)
    assert items[-1].run["status"] == "Completed", items[-1].run["error"]
    said = "".join(item.text for item in items if isinstance(item, LogText))
    assert "uv pip install" in said
    first = next(i for i, item in enumerate(items) if isinstance(item, LogText))
    before = [item.status for item in items[:first] if isinstance(item, StatusChanged)]
    assert before[:3] == ["NotStarted", "Queued", "Preparing"]

    again = list(client.follow(client.create_job(document)["name"]))
    files = {item.file for item in again if isinstance(item, LogText)}
    assert "environment-build.log" not in files, (
        "a run that found its image shows no log of an earlier build"
    )


def test_what_can_not_be_had_is_told_with_its_line(stack: LocalStack, tmp_path: Path) -> None:
    (tmp_path / "conda.yml").write_text("dependencies:\n  - six\n  - gdal=3.6 # maps\n")
    (tmp_path / "e.yml").write_text("image: python:3.11-slim\nconda_file: conda.yml\n")
    failed = retrain(stack, "environment", "build", "-f", str(tmp_path / "e.yml"), status=1)
    assert f"{tmp_path}/conda.yml:3:5: " in failed.stderr
    assert "'gdal' is a conda package whose name on PyPI is not known" in failed.stderr


def test_a_failed_build_is_told_once_beside_its_log(stack: LocalStack, tmp_path: Path) -> None:
    pip = "dependencies: [python, pip, {pip: [no-such-package-of-retrain==99]}]\n"
    (tmp_path / "conda.yml").write_text(pip)
    (tmp_path / "e.yml").write_text("image: python:3.11-slim\nconda_file: conda.yml\n")
    failed = retrain(stack, "environment", "build", "-f", str(tmp_path / "e.yml"), status=1)
    ours = [line for line in failed.stderr.splitlines() if "could not install" in line]
    assert len(ours) == 2, failed.stderr  # how the log ends, and the error
    assert ours[0].endswith("uv could not install the packages")
    assert "no-such-package-of-retrain" in ours[1]
    assert "`retrain environment log " in failed.stderr.splitlines()[-1]
    silent = retrain(
        stack, "environment", "build", "-f", str(tmp_path / "e.yml"), "--json", status=1
    )
    (line,) = silent.stderr.splitlines()
    assert json.loads(line)["error"]["code"] == "EnvironmentBuildFailed"


NEEDS_AN_ENGINE = {
    "a build context": ({"build": {"path": "context"}}, "needs a container engine"),
    "a curated one": ("azureml:AzureML-model-evaluation:6", "can't be had without a container"),
    "an unknown one": ("azureml:AzureML-sklearn-0.1@latest", "doesn't know which packages"),
}


@pytest.mark.parametrize(("environment", "words"), NEEDS_AN_ENGINE.values(), ids=NEEDS_AN_ENGINE)
def test_what_needs_an_engine_says_so(
    client: Client, tmp_path: Path, environment: Any, words: str
) -> None:
    (tmp_path / "context").mkdir()
    (tmp_path / "context/Dockerfile").write_text("FROM scratch\n")
    (tmp_path / "job.yml").write_text(json.dumps(job("true", environment=environment)))
    run = ended(client, submit(client, read_job(tmp_path / "job.yml"))["name"])
    assert run["status"] == "Failed"
    assert run["error"] is not None
    assert run["error"]["code"] == "EnvironmentBuildFailed"
    assert words in run["error"]["message"]
    assert "podman or docker" in run["error"]["message"]


@pytest.fixture(scope="module")
def containers(engine: Engine, tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalStack]:
    with running_stack(tmp_path_factory.mktemp("containers"), engine.name) as started:
        yield started


@pytest.mark.podman
def test_a_build_context_is_built_once_and_run(containers: LocalStack, engine: Engine) -> None:
    base = {"environment.build.args.BASE": TEST_IMAGE}
    with containers.client() as client:
        file = read_job(EXAMPLES / "docker-context" / "job.yml", base)
        runs = [ended(client, submit(client, file)["name"], 200) for _ in range(2)]
        for run in runs:
            assert run["status"] == "Completed", run["error"]
            assert stdout(client, run["name"]).startswith("hello, world, from an image")
        images = {str(run["image"]) for run in runs}
        key = runs[0]["environment_key"]
        assert key is not None
        assert images == {f"retrain.local/environment:{key}"}
        assert "COPY greet.sh" in client.build_log(key).data.decode()
        claim = json.loads(claim_of(containers, key))
        assert claim["number"] == 1
    subprocess.run([*engine.command, "rmi", "--force", *images], capture_output=True, check=False)
