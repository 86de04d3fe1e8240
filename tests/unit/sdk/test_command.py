"""Jobs as objects: what they become, what may be changed, and what is wrong with them."""

from pathlib import Path
from typing import Any

import pytest

from retrain import (
    BuildContext,
    Command,
    CronTrigger,
    Data,
    Environment,
    Input,
    InvalidJob,
    Output,
    Schedule,
    ScriptRunConfig,
    command,
)
from retrain.sdk.checking import checked_asset, checked_job
from retrain.sdk.strict import LimitsSection, QueueSection, ResourcesSection, RetrySection
from shared.jobs.command import Limits
from shared.jobs.resources import QueueSettings, Resources
from shared.jobs.retry import Retry

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
        retry={"max_attempts": 5, "on": ["timeout"]},
        checkpoints=True,
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
        "retry": {"max_attempts": 5, "on": ["timeout"]},
        "checkpoints": True,
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


def _limited(job: Command) -> Command:
    job.limits = {"timeout": 1}  # type: ignore[assignment]
    return job


MISSPELT = {
    "of a job": (lambda job: setattr(job, "displayname", "x"), "displayname: .*'display_name'"),
    "of a section": (
        lambda job: setattr(job.resources, "instnce_type", "x"), "resources has .*'instance_type'"
    ),
    "of limits": (lambda job: setattr(job.limits, "time_out", 3), "limits has .*'timeout'"),
    "of a section that was set anew": (
        lambda job: setattr(_limited(job).limits, "timeot", 3),
        "limits has .*'timeout'",
    ),
    "of an input": (lambda job: setattr(job.inputs.data, "pth", "x"), "pth: Input has .*'path'"),
    "of an environment": (
        lambda job: setattr(job.environment, "imgae", "x"), "Environment has .*'image'"
    ),
    "that is read": (lambda job: job.inputs.dat, "dat: .*'data'"),
    "like none": (lambda job: setattr(job, "zzz", 1), "there is: command, code, inputs"),
}  # fmt: skip


@pytest.mark.parametrize(("set_it", "says"), MISSPELT.values(), ids=MISSPELT)
def test_a_misspelt_attribute_is_told_where_it_is_written(set_it: Any, says: str) -> None:
    job = minimal(inputs={"data": Input(path="a")})
    before = job.to_dict()
    with pytest.raises(AttributeError, match=says) as refused:
        set_it(job)
    assert isinstance(refused.value, InvalidJob)
    assert {**job.to_dict(), "limits": 0} == {**before, "limits": 0}


def test_other_objects_have_no_misspelt_attributes_either() -> None:
    data = Data(name="a", path="b")
    with pytest.raises(AttributeError, match=r"vesion: Data has .*'version'"):
        data.vesion = 1  # type: ignore[attr-defined]
    config = ScriptRunConfig()
    with pytest.raises(AttributeError, match="'compute_target'"):
        config.computetarget = "local"  # type: ignore[attr-defined]
    trigger = CronTrigger(expression="* * * * *")
    with pytest.raises(AttributeError, match="'time_zone'"):
        trigger.timezone = "UTC"  # type: ignore[attr-defined]
    schedule = Schedule(name="a", trigger=trigger, create_job=minimal())
    with pytest.raises(AttributeError, match="'is_enabled'"):
        schedule.enabled = False  # type: ignore[attr-defined]


def test_sections_have_the_fields_of_job_files() -> None:
    for section, model in ((LimitsSection, Limits), (ResourcesSection, Resources),
                           (QueueSection, QueueSettings), (RetrySection, Retry)):  # fmt: skip
        assert {*section.NAMES} == {*model.model_fields}


def test_a_section_can_be_set_whole_and_its_fields_read() -> None:
    job = minimal()
    assert (job.limits.timeout, job.resources.shm_size) == (None, None)
    job.resources = {"instance_count": 2}  # type: ignore[assignment]
    job.resources.shm_size = "1g"
    job.limits = None  # type: ignore[assignment]
    job.set_limits(timeout=5)
    document = job().to_dict()
    assert document["resources"] == {"instance_count": 2, "shm_size": "1g"}
    assert document["limits"] == {"timeout": 5}


def test_what_is_tried_again_can_be_set() -> None:
    job = minimal(retry={"max_attempts": 2, "on": ["timeout"]})
    job.set_retry(max_attempts=4, exit_codes=[75], backoff={"initial": 1})
    job.validate()
    assert job.to_dict()["retry"] == {
        "max_attempts": 4,
        "on": ["timeout"],
        "exit_codes": [75],
        "backoff": {"initial": 1},
    }


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


def test_a_path_that_is_not_there_is_told_with_what_it_is_relative_to(folder: Path) -> None:
    cases = (
        (minimal(code="gone"), f"relative to the working folder, {folder}"),
        (minimal(code="gone", base_path="base"), f"relative to base_path, {folder / 'base'}"),
        (
            minimal(inputs={"a": Input(path="gone")}, additional_includes=["no"]),
            f"relative to the working folder, {folder}",
        ),
    )
    for job, says in cases:
        with pytest.raises(InvalidJob) as refused:
            job.validate()
        assert all(says in one for one in refused.value.problems)
        assert "folder of the file" not in str(refused.value)
    with pytest.raises(InvalidJob, match="relative to the working folder"):
        checked_asset(Data(name="a", path="gone"))


FAULTS: dict[str, tuple[Command, str]] = {
    "no folder": (minimal(code="gone"), r"code: '.*gone' does not exist"),
    "no data": (minimal(inputs={"a": Input(path="gone")}), r"inputs\.a\.path: '.*gone' does not"),
    "a dangling binding": (
        command(command="echo ${{inputs.x}}", environment=IMAGE), r"command: .*inputs\.x"
    ),
    "a wrong type": (minimal(timeout="1h"), r"limits\.timeout: must be a whole number"),
    "a misspelt field": (
        minimal(retry={"attempts": 2}), r"retry\.attempts: unknown field; did you mean 'max_att"
    ),
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
