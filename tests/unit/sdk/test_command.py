"""Jobs as objects: what they become, what may be changed, and what is wrong with them."""

from pathlib import Path
from typing import Any

import pytest

from retrain import BuildContext, Command, Environment, Input, InvalidJob, Output, command
from retrain.sdk.checking import checked_job

IMAGE = Environment(image="python:3.11-slim")


def minimal(**fields: Any) -> Command:
    return command(command="echo", environment=IMAGE, **fields)


def test_a_job_becomes_the_document_of_a_job_file() -> None:
    job = command(
        command="python train.py",
        environment=Environment(image="python:3.11", conda_file=Path("conda.yml"), tags={"a": "b"}),
        code=Path("src"),
        inputs={
            "rows": 3,
            "rate": Input(type="number", default=0.5, min=0),
            "data": Input(type="uri_file", path=Path("wine.csv")),
        },
        outputs={"model": Output(type="uri_folder", name="wine"), "rest": None},
        compute="azureml:cpu",
        experiment_name="wine",
        tags={"team": "red"},
        environment_variables={"DEPTH": "3"},
        timeout=60,
        instance_count=2,
        shm_size="1g",
        job_tier="spot",
        distribution={"type": "mpi", "process_count_per_instance": 1},
        additional_includes=["../lib"],
    )
    assert job.to_dict() == {
        "command": "python train.py",
        "environment": {"image": "python:3.11", "conda_file": "conda.yml", "tags": {"a": "b"}},
        "code": "src",
        "inputs": {
            "rows": 3,
            "rate": {"type": "number", "default": 0.5, "min": 0},
            "data": {"type": "uri_file", "path": "wine.csv"},
        },
        "outputs": {"model": {"type": "uri_folder", "name": "wine"}, "rest": {}},
        "compute": "azureml:cpu",
        "experiment_name": "wine",
        "tags": {"team": "red"},
        "environment_variables": {"DEPTH": "3"},
        "limits": {"timeout": 60},
        "resources": {"instance_count": 2, "shm_size": "1g"},
        "queue_settings": {"job_tier": "spot"},
        "distribution": {"type": "mpi", "process_count_per_instance": 1},
        "additional_includes": ["../lib"],
    }


@pytest.mark.parametrize(
    ("environment", "written"),
    [
        ("sklearn@latest", "azureml:sklearn@latest"),
        ("azureml:mine:3", "azureml:mine:3"),
        (Environment(build=BuildContext(path=Path("docker"))), {"build": {"path": "docker"}}),
        ({"image": "a"}, {"image": "a"}),
    ],
)
def test_environments(environment: Any, written: Any) -> None:
    assert command(command="x", environment=environment).to_dict()["environment"] == written


def test_everything_can_be_set_until_the_job_is_submitted() -> None:
    job = minimal(inputs={"rows": 1})
    job.display_name = "mine"
    job.inputs.rows = 5
    job.inputs["more"] = "x"
    job.environment_variables["A"] = "1"
    job.set_limits(timeout=10)
    job.set_resources(instance_type="Standard_D2s_v3")
    document = job.to_dict()
    assert document["inputs"] == {"rows": 5, "more": "x"}
    assert document["resources"] == {"instance_type": "Standard_D2s_v3"}
    job.set_limits()
    assert "limits" not in job.to_dict()
    with pytest.raises(AttributeError):
        _ = job.inputs.none


def test_a_call_is_a_copy_with_other_inputs() -> None:
    job = minimal(inputs={"rows": 1, "data": Input(path="a")})
    other = job(rows=2)
    other.inputs.data.path = "b"
    other.tags["x"] = "y"
    assert (job.inputs.rows, job.inputs.data.path, job.tags) == (1, "a", {})
    assert other.inputs.rows == 2
    with pytest.raises(InvalidJob, match=r"inputs\.rws: .* did you mean 'rows'"):
        job(rws=2)


def test_paths_are_relative_to_the_working_directory_or_to_the_base(folder: Path) -> None:
    for name in ("src", "base/src"):
        (folder / name).mkdir(parents=True)
    assert checked_job(minimal(code="src")).code == folder / "src"
    assert checked_job(minimal(code="src", base_path="base")).code == folder / "base/src"
    assert checked_job(minimal(code=folder / "src", base_path="base")).code == folder / "src"


FAULTS: dict[str, tuple[Command, str]] = {
    "no folder": (minimal(code="gone"), r"code: '.*gone' does not exist"),
    "no data": (minimal(inputs={"a": Input(path="gone")}), r"inputs\.a\.path: '.*gone' does not"),
    "a dangling binding": (
        command(command="echo ${{inputs.x}}", environment=IMAGE), r"command: .*inputs\.x"
    ),
    "a wrong type": (minimal(timeout="1h"), r"limits\.timeout: must be a whole number"),
    "no environment": (command(command="x", environment="none"), r"environment: 'none' is not an"),
    "a conda file that is missing": (
        command(command="x", environment=Environment(image="a", conda_file="no.yml")),
        r"environment\.conda_file: the file '.*no\.yml' does not exist",
    ),
    "no such value": (minimal(inputs={"a": object()}), r"inputs\.a: an input is a text"),
}  # fmt: skip


@pytest.mark.parametrize(("job", "says"), FAULTS.values(), ids=FAULTS)
def test_what_is_wrong_is_told_by_field_and_without_a_traceback(job: Command, says: str) -> None:
    with pytest.raises(InvalidJob, match=says) as refused:
        job.validate()
    assert refused.value.exit_code == 2
    assert len(refused.value.problems) == 1


def test_a_faulty_conda_file_is_told_with_its_line(folder: Path) -> None:
    (folder / "conda.yml").write_text("name: a\ndependencies:\n  - pip: [\n")
    with pytest.raises(InvalidJob, match=r"conda\.yml:\d+:\d+: is no YAML"):
        command(command="x", environment=Environment(image="a", conda_file="conda.yml")).validate()
