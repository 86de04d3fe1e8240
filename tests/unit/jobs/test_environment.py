"""Environments: their forms, and the key that says which of them install the same."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.jobs import Environment, InvalidDocument, check_resolved, dump, parse_job
from shared.jobs.images import Recipe

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


CURATED = {
    "azureml://registries/azureml/environments/sklearn-1.5/labels/latest": "sklearn-1.5:latest",
    "azureml://registries/azureml/environments/model-evaluation/versions/6": "model-evaluation:6",
    "azureml://registries/azureml/environments/lightgbm-3.3": "lightgbm-3.3:latest",
    "azureml:AzureML-tensorflow-2.16-cuda12@latest": "tensorflow-2.16-cuda12:latest",
    "azureml:AzureML-ACPT-pytorch-2.8-cuda12.6:3": "acpt-pytorch-2.8-cuda12.6:3",
}


@pytest.mark.parametrize(("written", "image"), CURATED.items(), ids=CURATED.values())
def test_a_curated_one_is_a_public_image(written: str, image: str) -> None:
    curated = environment(written)
    assert curated.image == f"mcr.microsoft.com/azureml/curated/{image}"
    assert curated.needs_build, "where no image can be run, it is made of packages"


@pytest.mark.parametrize("written", ["azureml:mine:3", "azureml:mine@latest", "azureml:mine"])
def test_a_registered_one_stays_a_reference(written: str) -> None:
    job = parse_job({"command": "x", "environment": written})
    assert (job.environment.reference, job.environment.called) == (written, written)
    assert dump(job)["environment"] == written
    assert parse_job(dump(job)) == job
    with pytest.raises(ValueError, match="has not been looked up"):
        _ = job.environment.key


def test_a_build_context_of_this_machine_has_no_key_yet() -> None:
    here = docker("context", dockerfile_path="docker/Dockerfile")
    assert here.needs_build
    with pytest.raises(ValueError, match="'context' has not been uploaded"):
        _ = here.key
    with pytest.raises(InvalidDocument, match=r"environment\.build\.path: is a local path"):
        check_resolved(parse_job({"command": "x", "environment": {"build": {"path": "context"}}}))


def test_recipes_come_back_from_what_asks_for_them() -> None:
    for one in (
        conda("python", {"pip": ["a"]}),
        conda({"pip": ["a"]}),
        docker(args={"A": "1"}),
        environment(next(iter(CURATED))),
    ):
        assert Recipe.parse(one.recipe.asking()) == one.recipe
        assert Recipe.load(json.loads(json.dumps(one.recipe.dump()))) == one.recipe


def test_a_conda_file_that_was_not_read_has_no_key() -> None:
    with pytest.raises(ValueError, match=r"conda\.yml"):
        _ = environment({"image": IMAGE, "conda_file": "conda.yml"}).key


CONTEXT = "azureml://datastores/workspaceworkingdirectory/paths/contexts/" + "a" * 64 + ".tar.gz"


def docker(path: str = CONTEXT, **fields: Any) -> Environment:
    return environment({"build": {"path": path} | fields})


SAME = {
    "spaces in packages": (
        conda("numpy  >= 1.26, <2", {"pip": ["six == 1.16  # old", "a>=1 ;python_version>'3'"]}),
        conda("numpy>=1.26,<2", {"pip": ["a >=1; python_version>'3'", "six==1.16"]}),
    ),
    "a curated one's name": (
        environment("azureml:AzureML-sklearn-1.5@latest"),
        environment("azureml://registries/azureml/environments/sklearn-1.5/labels/latest"),
    ),
    "the order of build arguments": (
        docker(args={"A": 1, "B": "2"}),
        docker(args={"B": 2, "A": "1"}),
    ),
    "the default Dockerfile": (docker(), docker(dockerfile_path="./Dockerfile")),
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
    "a build string": (conda("numpy 1.2 py_0"), conda("numpy 1.2")),
    "what a URL names": (
        conda({"pip": ["a @ https://x/a==1"]}),
        conda({"pip": ["a @ https://x/a == 1"]}),
    ),
    "the build context": (docker(), docker(CONTEXT.replace("a" * 64, "b" * 64))),
    "the Dockerfile": (docker(), docker(dockerfile_path="gpu/Dockerfile")),
    "a build argument": (docker(), docker(args={"A": "1"})),
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
    "image and build": (
        {"image": "a", "build": {"path": "."}},
        ("image",),
        "makes the image",
        "one of the two",
    ),
    "build and conda": (
        {"build": {"path": "."}, "conda_file": {"dependencies": ["a"]}},
        ("conda_file",),
        "not to a build",
        "in the Dockerfile",
    ),
    "a Dockerfile outside": (
        {"build": {"path": ".", "dockerfile_path": "../Dockerfile"}},
        ("build", "dockerfile_path"),
        "leads out of the build context",
        "without `..`",
    ),
    "an absolute Dockerfile": (
        {"build": {"path": ".", "dockerfile_path": "/etc/Dockerfile"}},
        ("build", "dockerfile_path"),
        "leads out of the build context",
        "relative to `build.path`",
    ),
    "a context by git": (
        {"build": {"path": "https://github.com/a/b.git"}},
        ("build", "path"),
        "from elsewhere",
        "folder",
    ),
    "another blob as context": (
        {"build": {"path": "azureml://datastores/workspaceblobstore/paths/x.tar.gz"}},
        ("build", "path"),
        "is not a build context",
        "folder",
    ),
    "Windows": ({"image": "a", "os_type": "windows"}, ("os_type",), "must be 'linux'", "one of"),
    "another registry": (
        "azureml://registries/contoso/environments/x/versions/1",
        (),
        "the registry 'contoso' is not Azure ML's own",
        "environment's image",
    ),
    "a curated one by another label": (
        "azureml:AzureML-AutoML@prod",
        (),
        "no label 'prod'",
        "number",
    ),
    "no environment of a registry": (
        "azureml://datastores/x",
        (),
        "is not an environment",
        "@latest",
    ),
    "a strange reference": ("azureml:a:b:c", (), "is not an environment", "{image: <image>}"),
    "our own field": (
        {"image": "a", "reference": "azureml:a:1"},
        ("reference",),
        "unknown field",
        "image",
    ),
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
    "an empty pip list": ({"dependencies": [{"pip": []}]}, ("dependencies",), "one package"),
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
    "a channel with spaces": (
        {"channels": ["conda forge"], "dependencies": ["a"]},
        ("channels", 0),
        "is not a channel",
    ),
    "a channel on disk": (
        {"channels": ["file:///opt/x"], "dependencies": ["a"]},
        ("channels", 0),
        "is not a channel",
    ),
    "a channel with a token": (
        {"channels": ["https://conda.anaconda.org/t/tk-1/x"], "dependencies": ["a"]},
        ("channels", 0),
        "a password or token",
    ),
    "an index with a password": (
        {"dependencies": [{"pip": ["--index-url https://me:secret@x.example/simple", "a"]}]},
        ("dependencies", 0, "pip", 0),
        "a password or token",
    ),
    "a package's address with one": (
        {"dependencies": [{"pip": ["a @ git+https://token@github.com/a/b"]}]},
        ("dependencies", 0, "pip", 0),
        "a password or token",
    ),
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
