"""Environments: their forms, and the key that says which of them install the same."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.jobs import Environment, InvalidDocument, parse_job

IMAGE = "docker.io/library/python:3.11"


def environment(written: Any) -> Environment:
    return parse_job({"command": "x", "environment": written}).environment


def conda(*dependencies: Any, **fields: Any) -> Environment:
    file = {"channels": ["conda-forge"], "dependencies": list(dependencies)} | fields
    return environment({"image": IMAGE, "conda_file": file})


def test_an_image_alone_is_used_as_it_is() -> None:
    plain = environment({"image": IMAGE})
    assert not plain.needs_build
    assert len(plain.key) == 64


def test_a_conda_file_is_built() -> None:
    assert conda("python").needs_build


def test_a_conda_file_that_was_not_read_has_no_key() -> None:
    with pytest.raises(ValueError, match=r"conda\.yml"):
        _ = environment({"image": IMAGE, "conda_file": "conda.yml"}).key


SAME = {
    "the order of packages": (conda("python", "pip"), conda("pip", "python")),
    "a package twice": (conda("python", "python"), conda("python")),
    "spaces around": (conda(" python "), conda("python")),
    "its name": (conda("python", name="a"), conda("python", name="b", prefix="/x")),
    "the order in pip": (
        conda({"pip": ["a", "b", "--pre"]}),
        conda({"pip": ["--pre", "b"]}, {"pip": ["a"]}),
    ),
}
DIFFERENT = {
    "a package": (conda("python"), conda("pip")),
    "a version": (conda("python=3.11"), conda("python=3.12")),
    "pip or conda": (conda("a", {"pip": ["b"]}), conda("b", {"pip": ["a"]})),
    "the order of channels": (conda("a", channels=["x", "y"]), conda("a", channels=["y", "x"])),
    "the order of pip's options": (
        conda({"pip": ["--pre", "--no-deps"]}),
        conda({"pip": ["--no-deps", "--pre"]}),
    ),
    "the image": (environment({"image": IMAGE}), environment({"image": "python:3.12"})),
    "a conda file or none": (environment({"image": IMAGE}), conda("python")),
}


@pytest.mark.parametrize(("one", "other"), SAME.values(), ids=SAME)
def test_the_key_does_not_depend_on(one: Environment, other: Environment) -> None:
    assert one.key == other.key


@pytest.mark.parametrize(("one", "other"), DIFFERENT.values(), ids=DIFFERENT)
def test_the_key_depends_on(one: Environment, other: Environment) -> None:
    assert one.key != other.key


@given(st.permutations(["python=3.11", "pip", "numpy", "scipy"]), st.randoms())
def test_the_key_is_that_of_the_packages(order: list[str], random: Any) -> None:
    fields = ["name", "channels", "dependencies"]
    random.shuffle(fields)
    file = {"name": "n", "channels": ["a", "b"], "dependencies": order}
    written = {"image": IMAGE, "conda_file": {field: file[field] for field in fields}}
    first = {"image": IMAGE, "conda_file": file | {"dependencies": sorted(order)}}
    assert environment(written).key == environment(first).key


@pytest.mark.parametrize(
    "image",
    [
        "python",
        "library/python:latest",
        "docker.io/python",
        "pytorch/pytorch:latest",
        "mcr.microsoft.com/azureml/openmpi5.0-cuda12.4-ubuntu22.04:latest",
        "mcr.microsoft.com/azureml/openmpi3.1.2-ubuntu18.04:20220113.v1",
        "localhost:5000/a/b_c:1",
        "MyRegistry.azurecr.io/x@sha256:" + "0" * 64,
        "retrain.local/environment:" + "f" * 64,
    ],
)
def test_image_names_people_use(image: str) -> None:
    assert environment({"image": image}).image == image


CONDA = ("environment", "conda_file")
REFUSED: dict[str, tuple[Any, tuple[Any, ...], str, str]] = {
    "nothing": (None, (), "has no value", "leave"),
    "no image": ({"conda_file": {"dependencies": ["a"]}}, ("image",), "is required", "image: "),
    "an image with spaces": ({"image": "a b"}, ("image",), "not an image's name", "docker.io"),
    "an option as image": ({"image": "--rm"}, ("image",), "not an image's name", "docker.io"),
    "a capital image": ({"image": "Python"}, ("image",), "not an image's name", "docker.io"),
    "build": ({"image": "a", "build": {"path": "."}}, ("build",), "not supported yet", "push"),
    "a curated one": (
        "azureml://registries/azureml/environments/sklearn-1.5/labels/latest",
        (),
        "curated environments are not supported yet",
        "mcr.microsoft.com/azureml/curated/sklearn-1.5:latest",
    ),
    "a curated one by short name": (
        "azureml:AzureML-tensorflow-2.16-cuda12@latest",
        (),
        "not supported yet",
        "mcr.microsoft.com/azureml/curated/tensorflow-2.16-cuda12:latest",
    ),
    "a registered one": ("azureml:mine:3", (), "not supported yet", "{image: <image>}"),
    "a file": ("file:./env.yml", (), "names a file", "{image: <image>}"),
    "a word": ("python", (), "is not an environment", "{image: <image>}"),
}


@pytest.mark.parametrize(("written", "below", "said", "advised"), REFUSED.values(), ids=REFUSED)
def test_environments_refused(
    written: Any, below: tuple[Any, ...], said: str, advised: str
) -> None:
    with pytest.raises(InvalidDocument) as refused:
        environment(written)
    problem = refused.value.problems[0]
    assert problem.field == ("environment", *below)
    assert said in problem.message
    assert advised in problem.remedy


BAD_CONDA: dict[str, tuple[Any, tuple[Any, ...], str]] = {
    "a list": (["a"], (), "a file's path or the file's content"),
    "nothing in it": ({}, ("dependencies",), "at least one package"),
    "no list": ({"dependencies": "a"}, ("dependencies",), "must be a list"),
    "a number": ({"dependencies": ["a", 3]}, ("dependencies", 1), "text or a pip list"),
    "another list": ({"dependencies": [{"npm": ["a"]}]}, ("dependencies", 0), "only `pip:`"),
    "pip as text": ({"dependencies": [{"pip": "a"}]}, ("dependencies", 0, "pip"), "a list"),
    "a requirements file": (
        {"dependencies": [{"pip": ["a", "-r requirements.txt"]}]},
        ("dependencies", 0, "pip", 1),
        "'-r' in a pip list is not supported yet",
    ),
    "channels": ({"channels": "x", "dependencies": ["a"]}, ("channels",), "must be a list"),
    "a misspelt field": ({"dependancies": []}, ("dependancies",), "unknown field"),
    "variables": ({"variables": {}, "dependencies": ["a"]}, ("variables",), "not supported yet"),
}


@pytest.mark.parametrize(("file", "below", "said"), BAD_CONDA.values(), ids=BAD_CONDA)
def test_conda_files_refused(file: Any, below: tuple[Any, ...], said: str) -> None:
    with pytest.raises(InvalidDocument) as refused:
        environment({"image": IMAGE, "conda_file": file})
    problem = refused.value.problems[0]
    assert problem.field == (*CONDA, *below)
    assert said in problem.message
