"""Schedule files: the job inline, in a file of its own, or in a file with fields changed."""

from pathlib import Path

import pytest

from retrain.jobfile import JobFileError, ScheduleFile, read_schedule
from shared.jobs import parse_schedule

TRIGGER = "name: retrain\ntrigger:\n  type: data\n  path: wine/*.csv\n"
JOB = """\
command: python train.py ${{inputs.data}} ${{inputs.rate}}
code: src
inputs:
  data: {type: uri_folder, path: data}
  rate: 0.1
tags: {a: b}
environment: {image: python}
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in ("jobs/src/train.py", "jobs/data/a.csv", "more/b.csv"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    (tmp_path / "jobs/job.yml").write_text(JOB)
    return tmp_path


def read(folder: Path, text: str, **overrides: str) -> ScheduleFile:
    path = folder / "schedule.yml"
    path.write_text(text)
    settings = {name.replace("__", "."): value for name, value in overrides.items()}
    return read_schedule(path, settings)


def said(folder: Path, text: str) -> str:
    with pytest.raises(JobFileError) as refused:
        read(folder, text)
    return str(refused.value).replace(f"{folder}/", "")


@pytest.mark.parametrize("reference", ["jobs/job.yml", "./jobs/job.yml", "file:./jobs/job.yml"])
def test_a_job_in_a_file_keeps_its_own_folder(reference: str, folder: Path) -> None:
    file = read(folder, f"{TRIGGER}create_job: {reference}\n")
    assert file.folder == folder
    assert file.code == folder / "jobs/src"
    assert file.local_inputs == {"data": folder / "jobs/data"}
    assert parse_schedule(file.document).create_job.tags == {"a": "b"}


def test_fields_beside_the_jobs_file_win(folder: Path) -> None:
    text = (
        f"{TRIGGER}create_job:\n  type: command\n  job: ./jobs/job.yml\n  tags: {{c: d}}\n"
        "  inputs:\n    data: {path: more}\n"
    )
    file = read(folder, text)
    job = file.document["create_job"]
    assert job["tags"] == {"a": "b", "c": "d"}
    assert job["inputs"]["rate"] == 0.1
    assert file.code == folder / "jobs/src"
    assert file.local_inputs == {"data": folder / "more"}


def test_an_input_that_is_changed_keeps_its_type(folder: Path) -> None:
    (folder / "typed.yml").write_text(
        "command: echo ${{inputs.file}} ${{inputs.rate}}\nenvironment: {image: python}\n"
        "inputs:\n  file: {type: uri_file, path: jobs/job.yml}\n"
        "  rate: {type: number, default: 0.1, max: 1}\n"
        "limits: {timeout: 60}\nresources: {instance_type: Standard_D2s_v3}\n"
    )
    text = (
        f"{TRIGGER}create_job:\n  job: typed.yml\n  resources: {{instance_count: 1}}\n  inputs:\n"
        "    rate: 1\n    file: {path: '${{trigger.path}}'}\n"
    )
    job = parse_schedule(read(folder, text).document).create_job
    assert job.inputs["file"].type == "uri_file"
    assert (job.inputs["rate"].type, job.resources.instance_type) == ("number", "Standard_D2s_v3")
    with pytest.raises(JobFileError, match="above max"):
        read(folder, text.replace("rate: 1", "rate: 2"))


def test_an_inline_job(folder: Path) -> None:
    text = f"""{TRIGGER}create_job:
  command: python train.py ${{{{inputs.data}}}}
  environment: {{image: python}}
  inputs:
    data: {{type: uri_file, path: "${{{{trigger.path}}}}"}}
    label: "of ${{{{trigger.path}}}}"
"""
    file = read(folder, text)
    assert file.local_inputs == {}
    path = file.document["create_job"]["inputs"]["data"]["path"]
    assert path == "azureml://datastores/workspaceblobstore/paths/${{trigger.path}}"


def test_times_need_no_quotes(folder: Path) -> None:
    trigger = "type: cron\n  expression: 0 3 * * 1\n  start_time: 2026-07-10T10:00:00\n"
    text = f"name: s\ntrigger:\n  {trigger}  time_zone: Pacific Standard Time\n"
    document = read(folder, f"{text}create_job: jobs/job.yml\n").document
    assert document["trigger"]["start_time"] == "2026-07-10T10:00:00"


def test_settings(folder: Path) -> None:
    file = read(folder, f"{TRIGGER}create_job: jobs/job.yml\n", name="other")
    assert file.document["name"] == "other"


FAULTS = {
    "no job file": (
        "create_job: nowhere.yml\n",
        "schedule.yml:5:1: create_job: the file 'nowhere.yml' does not exist",
    ),
    "no job file in a mapping": (
        "create_job:\n  job: nowhere.yml\n",
        "schedule.yml:6:3: create_job.job: the file 'nowhere.yml' does not exist",
    ),
    "a fault in the job's file": (
        "create_job: jobs/bad.yml\n",
        "jobs/bad.yml:2:1: create_job.comand: unknown field; did you mean 'command'?",
    ),
    "a fault in its paths": (
        "create_job: jobs/bad.yml\n",
        "jobs/bad.yml:3:1: create_job.code: 'jobs/nowhere' does not exist",
    ),
    "a fault beside it": (
        "create_job:\n  job: jobs/job.yml\n  cod: 1\n",
        "schedule.yml:7:3: create_job.cod: unknown field; did you mean 'code'?",
    ),
    "a missing field": ("", "schedule.yml:1:1: create_job: is required"),
    "a binding in a literal": (
        "create_job:\n  command: a\n  environment: {image: a}\n  inputs: {a: '${{nam}}'}\n",
        "schedule.yml:8:12: create_job.inputs.a: ${{nam}} is not filled in here",
    ),
}


@pytest.mark.parametrize(("text", "expected"), FAULTS.values(), ids=FAULTS)
def test_a_fault_and_its_place(text: str, expected: str, folder: Path) -> None:
    (folder / "jobs/bad.yml").write_text("environment: {image: python}\ncomand: x\ncode: nowhere\n")
    assert expected in said(folder, TRIGGER + text)


def test_a_cron_expression_and_its_place(folder: Path) -> None:
    text = "name: s\ntrigger:\n  type: cron\n  expression: '61 * * * *'\ncreate_job: jobs/job.yml\n"
    assert "schedule.yml:4:3: trigger.expression: minute '61' is out" in said(folder, text)
