"""Fields given on the command line with `--set`."""

from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest

from retrain.jobfile import JobFileError, read_job

RIGHT = "command: echo\nenvironment:\n  image: python\n"


def written(folder: Path, text: str) -> Path:
    path = folder / "job.yml"
    path.write_text(text)
    return path


SETTINGS: dict[str, tuple[dict[str, str], dict[str, Any]]] = {
    "a number": ({"inputs.x": "2"}, {"inputs": {"x": 2, "d": {"default": 1}}}),
    "a float": ({"inputs.x": "1e3"}, {"inputs": {"x": 1000.0, "d": {"default": 1}}}),
    "a boolean": ({"inputs.x": "true"}, {"inputs": {"x": True, "d": {"default": 1}}}),
    "text": ({"inputs.x": "*.csv: [a"}, {"inputs": {"x": "*.csv: [a", "d": {"default": 1}}}),
    "quoted text": ({"inputs.x": '"2"'}, {"inputs": {"x": "2", "d": {"default": 1}}}),
    "nothing": ({"inputs.x": ""}, {"inputs": {"x": "", "d": {"default": 1}}}),
    "a mapping's default": ({"inputs.d": "5"}, {"inputs": {"x": 1, "d": {"default": 5}}}),
    "a new field": ({"limits.timeout": "60"}, {"limits": {"timeout": 60}}),
    "a new mapping": ({"tags.a": "b", "tags.c": "d"}, {"tags": {"a": "b", "c": "d"}}),
    "the command": ({"command": "echo ${{inputs.x}}"}, {"command": "echo ${{inputs.x}}"}),
}


@pytest.mark.parametrize(("overrides", "holds"), SETTINGS.values(), ids=SETTINGS)
def test_settings_from_the_command_line(
    overrides: dict[str, str], holds: dict[str, Any], tmp_path: Path
) -> None:
    job = """
    command: echo
    environment: {image: python}
    inputs:
      x: 1
      d: {type: integer, default: 1, max: 9}
    """
    document = read_job(written(tmp_path, dedent(job)), overrides).document
    for name, value in holds.items():
        if name == "inputs":
            document["inputs"]["d"] = {"default": document["inputs"]["d"]["default"]}
        assert document[name] == value


def test_a_policy_from_the_command_line(tmp_path: Path) -> None:
    settings = {"retry.max_attempts": "2", "retry.backoff.initial": "0"}
    retry = read_job(written(tmp_path, RIGHT), settings).document["retry"]
    assert (retry["max_attempts"], retry["backoff"]["initial"]) == (2, 0)


#: What is set, and what the text that the input is declared to be becomes.
TEXTS = {
    "a number": ("012", "012"),
    "a boolean": ("true", "true"),
    "in quotes": ("'1'", "1"),
    "with quotes": ("' or 1=1; --", "' or 1=1; --"),
    "nothing": ("", ""),
}


@pytest.mark.parametrize(("text", "kept"), TEXTS.values(), ids=TEXTS)
def test_what_is_declared_as_text_stays_text(text: str, kept: str, tmp_path: Path) -> None:
    inputs = "inputs: {s: {type: string, optional: true}}\n"
    job = read_job(written(tmp_path, RIGHT + inputs), {"inputs.s": text})
    assert job.document["inputs"]["s"]["default"] == kept
    component = written(tmp_path, RIGHT + "version: 1\n" + inputs)
    assert read_job(component, {"inputs.s": text}).document["inputs"]["s"]["default"] == kept


def test_an_optional_input_gets_a_path(tmp_path: Path) -> None:
    inputs = "inputs: {d: {type: uri_file, optional: true}}\n"
    (tmp_path / "y").touch()
    job = read_job(written(tmp_path, RIGHT + inputs), {"inputs.d": "y"})
    assert job.local_inputs == {"d": tmp_path / "y"}


def test_a_path_from_the_command_line_is_from_the_files_folder(tmp_path: Path) -> None:
    job = "command: a\nenvironment: {image: python}\ninputs: {d: {type: uri_file, path: x}}\n"
    path = written(tmp_path, job)
    (tmp_path / "y").touch()
    for overrides in ({"inputs.d": "y"}, {"inputs.d.path": "./y"}):
        assert read_job(path, overrides).local_inputs == {"d": tmp_path / "y"}


OVERRIDES = {
    "mistyped": ({"limits.timeout": "1h"}, "--set limits.timeout=1h: must be a whole number"),
    "unknown": ({"input.x": "1"}, "--set input.x=1: unknown field; did you mean 'inputs'?"),
    "no name": ({"": "1"}, "--set =1: '' names no field"),
    "an empty part": ({"inputs..x": "1"}, "--set inputs..x=1: 'inputs..x' names no field"),
    "into text": ({"command.x": "1"}, "--set command.x=1: 'command' is not a mapping"),
    "open quotes": ({"inputs.x": "'a"}, "--set inputs.x='a: the quotes in 'a do not match"),
    "a path": ({"inputs.d.path": "no"}, "--set inputs.d.path=no: 'no' does not exist"),
}


@pytest.mark.parametrize(("overrides", "said"), OVERRIDES.values(), ids=OVERRIDES)
def test_a_fault_of_the_command_line(overrides: dict[str, str], said: str, tmp_path: Path) -> None:
    with pytest.raises(JobFileError) as refused:
        read_job(written(tmp_path, RIGHT), overrides)
    assert said in str(refused.value).replace(f"{tmp_path}/", "")
    assert all(problem.remedy for problem in refused.value.problems)
