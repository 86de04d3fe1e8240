"""Environments as images, in the engine of this machine."""

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from retrain.local.engine import Engine
from tests.contract.images.conftest import TEST_IMAGE, Client, a_builder, a_recipe, key_of

pytestmark = [pytest.mark.podman, pytest.mark.timeout(180)]

CONDA = """#!/bin/sh
echo "$@" && cat "$7" && mkdir -p "$5/bin" && printf '#!/bin/sh\\necho conda\\n' > "$5/bin/made"
chmod +x "$5/bin/made"
"""


@pytest.fixture(scope="module")
def client(engine: Engine, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    with a_builder(tmp_path_factory.mktemp("images"), engine=engine) as client:
        yield client


@pytest.fixture
def made(engine: Engine) -> Iterator[list[str]]:
    """Names of images that are removed after the test."""
    names: list[str] = []
    yield names
    for name in names:
        remove(engine, name)


def remove(engine: Engine, name: str) -> None:
    subprocess.run([*engine.command, "rmi", "--force", name], capture_output=True)


def run(engine: Engine, image: str, *command: str) -> str:
    words = [*engine.command, "run", "--rm", *engine.run_options, image, *command]
    return subprocess.run(words, check=True, capture_output=True, text=True).stdout.strip()


def test_packages_are_added_with_pip(
    engine: Engine, client: Client, image: str, made: list[str], tmp_path: Path
) -> None:
    name = f"pip {tmp_path}"
    recipe = a_recipe("python>=3.9", {"pip": ["iniconfig==2.0.0"]}, image=image)
    state = client.built(name, recipe)
    made.append(state["image"])
    assert state["state"] == "ready", state["log_tail"]
    assert state["image"] == f"retrain.local/environment:{key_of(name)}"
    opening = client.log(name).text.splitlines()[0]
    assert opening == f"Found {engine.name}: building an image with it."
    code = "import iniconfig, importlib.metadata as m; print(m.version('iniconfig'))"
    assert run(engine, state["image"], "python3", "-c", code) == "2.0.0"

    # Gone from the engine's store, it is built anew by the next builder's first look.
    remove(engine, state["image"])
    with a_builder(tmp_path / "images", engine=engine) as other:
        assert other.built(name, recipe)["state"] == "ready"
    assert run(engine, state["image"], "python3", "-c", code) == "2.0.0"


def test_an_image_that_has_conda_is_asked_first(
    engine: Engine, client: Client, image: str, made: list[str], tmp_path: Path
) -> None:
    (tmp_path / "conda").write_text(CONDA)
    (tmp_path / "Dockerfile").write_text(
        f"FROM {image}\nCOPY conda /usr/bin/conda\nRUN chmod +x /usr/bin/conda\n"
    )
    base = f"localhost/retrain-test-conda:{key_of(str(tmp_path))[:12]}"
    build = [*engine.command, "build", *engine.run_options, "--tag", base, str(tmp_path)]
    subprocess.run(build, check=True, capture_output=True)
    made.append(base)
    state = client.built(f"conda {tmp_path}", a_recipe("gdal=3.6", image=base))
    made.insert(0, state["image"])
    assert state["state"] == "ready", state["log_tail"]
    log = client.log(f"conda {tmp_path}").text
    assert "env create -q -p /opt/retrain/environment -f environment.yml" in log
    assert '"gdal=3.6"' in log
    assert run(engine, state["image"], "made") == "conda"  # its bin is on PATH


FAILURES = {
    "no such package": ([{"pip": ["retrain-no-such-package==1"]}], "retrain-no-such-package==1"),
    "another Python": (["python=3.2"], "asks for python==3.2.*, and this image has Python 3."),
    "conda's own": (["gdal=3.6"], "This image has no conda, and: 'gdal' is a conda"),
}


@pytest.mark.parametrize(("dependencies", "reason"), FAILURES.values(), ids=FAILURES)
def test_what_cannot_be_resolved_fails(
    engine: Engine, client: Client, image: str, dependencies: list[object], reason: str
) -> None:
    failed = client.built(reason, a_recipe(*dependencies, image=image))
    assert failed["state"] == "failed"
    assert reason in failed["reason"]
    there = [*engine.command, "image", "inspect", failed["image"]]
    assert subprocess.run(there, capture_output=True).returncode != 0


def test_an_image_without_pip_is_told(client: Client) -> None:
    failed = client.built("bare", a_recipe("python", image=TEST_IMAGE))
    assert failed["state"] == "failed"
    assert "neither conda nor a Python with pip" in failed["reason"]


def test_a_base_image_that_is_not_there_is_told(client: Client) -> None:
    base = "localhost/retrain-no-such-image:1"
    failed = client.built("nowhere", a_recipe("python", image=base))
    assert failed["state"] == "failed"
    assert base in failed["reason"], failed["log_tail"]
