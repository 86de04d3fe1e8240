"""Environments as virtual environments: what is made, and what is told when it can't be."""

import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.contract.images.conftest import Client, Gate, a_builder, a_recipe, key_of


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("images")


@pytest.fixture(scope="module")
def client(data: Path) -> Iterator[Client]:
    with a_builder(data) as client:
        yield client


def test_an_environment_is_built_and_used(client: Client, data: Path) -> None:
    recipe = a_recipe("python>=3.11", "six=1.16", {"pip": ["iniconfig==2.0.0"]})
    first = client.put("tool", recipe)
    assert (first.status_code, first.json()["state"]) == (202, "building")
    ready = client.outcome("tool")
    assert ready["state"] == "ready", ready["log_tail"]
    assert ready["image"] == f"retrain.local/environment:{key_of('tool')}"
    assert client.put("tool", recipe).status_code == 200

    programs = data / "environments" / key_of("tool") / "bin"
    script = "import six, iniconfig, sys; print(six.__version__, sys.prefix)"
    run = subprocess.run([programs / "python", "-c", script], capture_output=True, check=True)
    version, prefix = run.stdout.decode().split()
    assert version.startswith("1.16.")
    assert Path(prefix) == programs.parent
    subprocess.run([programs / "pip", "--version"], check=True, capture_output=True)


def test_the_log_says_how_and_can_be_read_on(client: Client) -> None:
    client.built("log", a_recipe("python", "pip"))
    whole = client.log("log")
    assert whole.text.startswith("No container engine is used: building a virtual environment")
    assert "python:3.11-slim is not used" in whole.text
    assert whole.headers["Retrain-Complete"] == "true"
    assert int(whole.headers["Retrain-Next-Offset"]) == len(whole.content)
    assert client.log("log", 30).content == whole.content[30:]
    assert client.log("log", 10**9).content == b""


FAILURES = {
    "no such package": (
        [{"pip": ["retrain-no-such-package==1.0"]}],
        "retrain-no-such-package was not found",
        "uv pip install",
    ),
    "no such version": (["six=99"], "you require six==99.*", "uv pip install"),
    "no such Python": (["python=3.2"], "asks for python==3.2.*, and this machine has", "3.11"),
    "conda's own": (["six", "gdal=3.6"], "'gdal' is a conda package whose name", "pip:"),
}


@pytest.mark.parametrize(("dependencies", "reason", "log"), FAILURES.values(), ids=FAILURES)
def test_what_cannot_be_resolved_fails(
    client: Client, data: Path, dependencies: list[object], reason: str, log: str
) -> None:
    failed = client.built(reason, a_recipe(*dependencies))
    assert failed["state"] == "failed"
    assert reason in failed["reason"]
    assert log in failed["log_tail"]
    assert not (data / "environments" / key_of(reason)).exists()
    assert not (data / "made" / key_of(reason)).exists()


def test_a_failure_stays_until_it_is_asked_for_again(client: Client, gate: Gate) -> None:
    recipe = gate.recipe("late")
    gate.open()
    package = gate.folder / "retrain_test_late-1.0.tar.gz"
    package.rename(gate.folder / "away")
    assert client.built("late", recipe)["state"] == "failed"
    (gate.folder / "away").rename(package)
    assert client.get("late")["state"] == "failed"
    assert client.built("late", recipe)["state"] == "ready"


def test_what_was_deleted_is_built_again(client: Client, data: Path) -> None:
    recipe = a_recipe("python")
    client.built("lost", recipe)
    shutil.rmtree(data / "made" / key_of("lost"))
    assert client.get("lost")["state"] == "building"
    assert client.outcome("lost")["state"] == "ready"
    assert (data / "environments" / key_of("lost") / "bin" / "python").exists()


def test_order_and_name_of_a_conda_file_make_no_other_recipe(client: Client) -> None:
    recipe = a_recipe("python", "six")
    client.built("order", recipe)
    turned = a_recipe("six", "python")
    turned["conda"]["name"] = "another"
    assert client.put("order", turned).status_code == 200


REFUSALS = {
    "another recipe": (a_recipe("python", "six"), 409, "RecipeDiffers"),
    "no recipe": (["python"], 400, "InvalidRecipe"),
    "no conda": ({"image": "python"}, 400, "InvalidRecipe"),
    "more fields": ({**a_recipe("python"), "tag": "1"}, 400, "InvalidRecipe"),
    "no image": (a_recipe("python", image=""), 400, "InvalidRecipe"),
    "an option for an image": (a_recipe("python", image="--privileged"), 400, "InvalidRecipe"),
    "a line break in the image": (a_recipe("python", image="a\nRUN x"), 400, "InvalidRecipe"),
    "no dependencies": ({"image": "python", "conda": {}}, 400, "InvalidRecipe"),
    "a requirements file": (a_recipe({"pip": ["-r r.txt"]}), 400, "InvalidRecipe"),
    "too large": (a_recipe("python", "x" * (1 << 20)), 413, "BodyTooLarge"),
}


@pytest.mark.parametrize(("body", "status", "code"), REFUSALS.values(), ids=REFUSALS)
def test_a_request_is_refused(client: Client, body: object, status: int, code: str) -> None:
    client.built("taken", a_recipe("python"))
    answer = client.put("taken", body)
    assert (answer.status_code, answer.json()["error"]["code"]) == (status, code)
    assert client.get("taken")["state"] == "ready"


def test_other_requests_are_refused(client: Client) -> None:
    http = client.http
    answers = [
        http.put(f"/images/{key_of('x')}", content=b"{"),
        http.get("/images/ABC"),
        http.get(f"/images/{key_of('never')}"),
        http.get(f"/images/{key_of('never')}/log"),
        http.get("/images/../etc"),
        http.get(f"/images/{key_of('x')}", headers={"Host": "evil.example"}),
        http.post(f"/images/{key_of('x')}"),
    ]
    assert [each.status_code for each in answers] == [400, 400, 404, 404, 404, 400, 405]
    assert answers[0].json()["error"]["code"] == "InvalidJson"
