"""A component's file, named by a job or run alone: its paths, its faults, and `--set`."""

from pathlib import Path

import pytest

from retrain.jobfile import JobFileError, read_job, read_schedule

COMPONENT = """\
name: count
version: 1
type: command
inputs:
  text: {type: uri_file}
  least:
    type: integer
    min: 1
    default: 2
code: src
environment:
  image: python
  conda_file: conda.yml
command: python count.py ${{inputs.text}} ${{inputs.least}}
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    parts = tmp_path / "parts"
    (parts / "src").mkdir(parents=True)
    (parts / "src" / "count.py").write_text("")
    (parts / "conda.yml").write_text("dependencies: [python]\n")
    (parts / "count.yml").write_text(COMPONENT)
    (tmp_path / "a.txt").write_text("a")
    return tmp_path


def written(folder: Path, content: str) -> Path:
    path = folder / "job.yml"
    path.write_text(content)
    return path


def test_paths_are_relative_to_the_file_they_are_in(folder: Path) -> None:
    job = read_job(written(folder, "component: parts/count.yml\ninputs: {text: a.txt, least: 3}\n"))
    assert job.code == folder / "parts" / "src"
    assert job.local_inputs == {"text": folder / "a.txt"}
    assert job.document["environment"]["conda_file"] == {"dependencies": ["python"]}
    assert job.document["inputs"]["least"]["default"] == 3
    assert job.document["display_name"] == "count"


def test_a_component_run_alone(folder: Path) -> None:
    given = {"inputs.text": "../a.txt", "inputs.least": "5", "display_name": "mine"}
    job = read_job(folder / "parts" / "count.yml", given)
    assert job.local_inputs == {"text": folder / "a.txt"}
    assert job.document["inputs"]["least"]["default"] == 5
    assert job.document["display_name"] == "mine"


def test_a_schedule_names_a_component(folder: Path) -> None:
    path = folder / "schedule.yml"
    path.write_text(
        "name: a\ntrigger: {type: data, path: '*.txt'}\n"
        "create_job:\n  component: file:parts/count.yml\n"
        "  inputs: {text: '${{trigger.path}}'}\n"
    )
    schedule = read_schedule(path)
    assert schedule.code == folder / "parts" / "src"
    assert schedule.document["create_job"]["inputs"]["least"]["default"] == 2


#: The job file, changes to the component (old, new), and what is said.
FAULTS: dict[str, tuple[str, tuple[str, str], str]] = {
    "no such file": (
        "\ncomponent: nowhere.yml\n",
        ("", ""),
        "job.yml:2:1: component: the file 'nowhere.yml' does not exist",
    ),
    "in the component": (
        "component: parts/count.yml\n",
        ("min: 1", "mni: 1"),
        "parts/count.yml:8:5: component.inputs.least.mni: unknown field; did you mean 'min'?",
    ),
    "in the component's code": (
        "component: parts/count.yml\ninputs: {text: a.txt}\n",
        ("code: src", "code: sources"),
        "parts/count.yml:10:1: code: 'parts/sources' does not exist",
    ),
    "in the component's conda file": (
        "component: parts/count.yml\ninputs: {text: a.txt}\n",
        ("conda.yml", "codna.yml"),
        "parts/count.yml:13:3: component.environment.conda_file: the file 'parts/codna.yml'",
    ),
    "in the component's default": (
        "component: parts/count.yml\ninputs: {text: a.txt}\n",
        ("default: 2", "default: 0"),
        "parts/count.yml:6:3: component.inputs.least: 0 is below min, 1",
    ),
    "an input that is not given": (
        "\ncomponent: parts/count.yml\n",
        ("", ""),
        "job.yml:2:1: inputs.text: the component needs a value for it; write it under `inputs:`",
    ),
    "an input that is below": (
        "component: parts/count.yml\ninputs:\n  text: a.txt\n  least: 0\n",
        ("", ""),
        "job.yml:4:3: inputs.least: 0 is below min, 1",
    ),
    "an input's file": (
        "component: parts/count.yml\ninputs:\n  text: b.txt\n",
        ("", ""),
        "job.yml:3:3: inputs.text.path: 'b.txt' does not exist",
    ),
    "a registered component": (
        "component: azureml:count:1\n",
        ("", ""),
        "job.yml:1:1: component: registered components are not supported yet",
    ),
}


@pytest.mark.parametrize(("job", "change", "said"), FAULTS.values(), ids=FAULTS)
def test_a_fault_and_its_place(job: str, change: tuple[str, str], said: str, folder: Path) -> None:
    (folder / "parts" / "count.yml").write_text(COMPONENT.replace(*change))
    with pytest.raises(JobFileError) as refused:
        read_job(written(folder, job))
    assert said in str(refused.value).replace(f"{folder}/", "")


def test_a_fault_of_a_setting(folder: Path) -> None:
    with pytest.raises(JobFileError) as refused:
        read_job(folder / "parts" / "count.yml", {"inputs.text": "../a.txt", "inputs.laest": "3"})
    assert "--set inputs.laest=3: the component has no such input" in str(refused.value)
