"""Files as objects: paths stay relative to them, and faults are told with their lines."""

from pathlib import Path

import pytest

from retrain import Client, InvalidJob, load_job, load_schedule
from retrain.sdk.checking import checked_job
from tests.unit.cli.api_server import ApiServer

JOB = """\
$schema: https://azuremlschemas.azureedge.net/latest/commandJob.schema.json
command: python train.py --rows ${{inputs.rows}}
code: src
environment:
  image: python:3.11-slim
inputs:
  rows: 10
"""


@pytest.fixture
def job(folder: Path) -> Path:
    (folder / "deep/src").mkdir(parents=True)
    (folder / "deep/src/train.py").write_text("pass")
    (folder / "deep/job.yml").write_text(JOB)
    return folder / "deep/job.yml"


def test_a_job_from_a_file_can_be_changed_and_submitted(
    job: Path, server: ApiServer, client: Client
) -> None:
    loaded = load_job("deep/job.yml")
    loaded.inputs.rows = 20
    loaded.display_name = "mine"
    run = client.jobs.create_or_update(loaded)
    sent = server.runs[run.name]["job"]
    assert (sent["inputs"], sent["display_name"]) == ({"rows": 20}, "mine")
    assert client.jobs.create_or_update(job).job["inputs"] == {"rows": 10}


def test_a_fault_is_told_with_the_files_line(job: Path) -> None:
    loaded = load_job(job)
    loaded.code = "gone"
    with pytest.raises(InvalidJob, match=r"job\.yml:3:1: code: .* does not exist"):
        loaded.validate()


FAULTY = {
    "an unknown field": (JOB + "comand: x\n", r"job\.yml:8:1: comand: unknown field"),
    "a wrong value": (JOB + "limits: {timeout: -1}\n", r"job\.yml:8:10: limits\.timeout: must be"),
    "two": (JOB + "a: 1\nb: 2\n", r"job\.yml:8:1: a: .*\n.*job\.yml:9:1: b: "),
    "a dangling binding": (JOB.replace("inputs.rows", "inputs.x"), r"job\.yml:2:1: command: .*x"),
    "a conda file that is missing": (
        JOB.replace("  image:", "  conda_file: no.yml\n  image:"), r"conda_file: the file .*no\.yml"
    ),
    "no YAML": ("a: [", r"job\.yml:1:\d+"),
    "another kind": ("name: a\ntype: uri_file\npath: a\n", "this is a data asset"),
    "a component": (
        "$schema: https://azuremlschemas.azureedge.net/latest/commandComponent.schema.json\n"
        "name: a\ncomand: x\ncommand: x\nenvironment: {image: a}\n", r"job\.yml:3:1: comand"
    ),
}  # fmt: skip


@pytest.mark.parametrize(("text", "says"), FAULTY.values(), ids=FAULTY)
def test_what_is_wrong_in_a_file_is_told_when_it_is_loaded(job: Path, text: str, says: str) -> None:
    job.write_text(text)
    with pytest.raises(InvalidJob, match=says):
        load_job(job)


def test_what_a_file_names_may_be_set_before_it_is_looked_for(job: Path, folder: Path) -> None:
    job.write_text(JOB.replace("code: src", "code: gone") + "  data: {type: uri_file, path: no}\n")
    loaded = load_job(job)
    with pytest.raises(InvalidJob, match=r"job\.yml:3:1: code: .*relative to the folder of the f"):
        loaded.validate()
    loaded.code = "src"
    loaded.inputs.data.path = "job.yml"
    assert checked_job(loaded).local_inputs == {"data": job}
    loaded.environment.image = "python:3.12"  # type: ignore[union-attr]
    assert checked_job(loaded).document["environment"]["image"] == "python:3.12"


def test_a_component_is_run_as_a_job(folder: Path, job: Path) -> None:
    (folder / "deep/component.yml").write_text(
        "$schema: https://azuremlschemas.azureedge.net/latest/commandComponent.schema.json\\n"
        "name: train\nversion: 1\ntype: command\ncode: src\n"
        "command: python train.py ${{inputs.rows}}\nenvironment: {image: 'python:3.11'}\n"
        "inputs: {rows: {type: integer}}\n".replace("\\n", "\n")
    )
    loaded = load_job(folder / "deep/component.yml")
    with pytest.raises(InvalidJob, match="rows"):
        loaded.validate()
    loaded.inputs.rows = 3
    assert checked_job(loaded).document["inputs"] == {"rows": 3}


def test_a_schedule_from_a_file(job: Path, server: ApiServer, client: Client) -> None:
    file = job.with_name("schedule.yml")
    file.write_text(
        "name: nightly\ntrigger: {type: cron, expression: '0 3 * * *'}\ncreate_job: ./job.yml\n"
    )
    loaded = load_schedule(file)
    loaded.display_name = "every night"
    created = client.schedules.create_or_update(loaded)
    assert created.name == "nightly"
    assert server.schedules["nightly"]["display_name"] == "every night"
    assert server.schedules["nightly"]["create_job"]["code"].startswith("azureml://")
    file.write_text("name: nightly\ntrigger: {type: cron}\ncreate_job: ./job.yml\n")
    with pytest.raises(InvalidJob, match=r"schedule\.yml:2:"):
        load_schedule(file)
