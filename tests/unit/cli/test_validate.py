"""`retrain job validate`: files, folders and patterns, in words and as JSON, without a server."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from retrain.cli.app import app

JOB = "command: echo\nenvironment: {image: python}\n"
BAD = "comand: echo\nenvironment: {image: python}\n"


def validate(*args: str) -> Result:
    return CliRunner().invoke(app, ["job", "validate", *args])


@pytest.fixture
def here(tmp_path: Path) -> Path:
    """The current folder, with a good job, a bad one, and things that are no documents."""
    (tmp_path / "jobs" / ".hidden").mkdir(parents=True)
    (tmp_path / "jobs" / "deep").mkdir()
    (tmp_path / "jobs" / "good.yml").write_text(JOB)
    (tmp_path / "jobs" / "deep" / "bad.yaml").write_text(BAD)
    (tmp_path / "jobs" / ".hidden" / "bad.yml").write_text(BAD)
    (tmp_path / "jobs" / "conda.yml").write_text("dependencies: [python]\n")
    (tmp_path / "jobs" / "compose.yml").write_text("services: {}\n")
    (tmp_path / "jobs" / "notes.txt").write_text("[")
    return tmp_path


def test_a_good_file(here: Path) -> None:
    result = validate("jobs/good.yml")
    assert (result.exit_code, result.stdout) == (0, "")
    assert result.stderr == "1 file checked, all right.\n"


def test_a_bad_file_has_a_line_for_each_problem(here: Path) -> None:
    (here / "job.yml").write_text(BAD + "limits: {timeuot: 3}\n")
    result = validate("job.yml", "jobs/good.yml")
    assert result.exit_code == 1
    assert result.stdout.splitlines() == [
        "job.yml:1:1: comand: unknown field; did you mean 'command'?",
        "job.yml:3:10: limits.timeuot: unknown field; did you mean 'timeout'?",
    ]
    assert result.stderr == "2 files checked, 1 bad.\n"


def test_a_folder_is_looked_through(here: Path) -> None:
    result = validate("jobs")
    assert result.exit_code == 1
    assert result.stdout == (
        "jobs/deep/bad.yaml:1:1: comand: unknown field; did you mean 'command'?\n"
    )
    assert result.stderr == ("3 files checked, 1 bad, 1 passed over: no documents of Retrain.\n")


def test_a_pattern(here: Path) -> None:
    assert validate("jobs/*.yml").exit_code == 0
    assert validate("jobs/**/*.yaml").exit_code == 1
    assert validate(f"{here}/jobs/**/b*.yaml").exit_code == 1


def test_a_file_that_is_named_has_to_be_a_document(here: Path) -> None:
    result = validate("jobs/compose.yml")
    assert result.exit_code == 1
    assert result.stdout.startswith("jobs/compose.yml:1:1: nothing tells what it is; write `type:`")


@pytest.mark.parametrize("name", ["nowhere.yml", "jobs/*.json"])
def test_a_name_that_stands_for_nothing(here: Path, name: str) -> None:
    result = validate("jobs/good.yml", name)
    assert result.exit_code == 2
    assert f"error: '{name}' is no file" in result.stderr


def test_json_has_a_stable_shape(here: Path) -> None:
    result = validate("jobs", "jobs/good.yml", "--json")
    assert result.exit_code == 1
    report = json.loads(result.stdout)
    assert report == {
        "valid": False,
        "files": [
            {"file": "jobs/compose.yml", "kind": None, "valid": None, "problems": []},
            {"file": "jobs/conda.yml", "kind": "conda", "valid": True, "problems": []},
            {
                "file": "jobs/deep/bad.yaml",
                "kind": "job",
                "valid": False,
                "problems": [
                    {
                        "file": "jobs/deep/bad.yaml",
                        "line": 1,
                        "column": 1,
                        "field": "comand",
                        "message": "unknown field",
                        "remedy": "did you mean 'command'?",
                    }
                ],
            },
            {"file": "jobs/good.yml", "kind": "job", "valid": True, "problems": []},
        ],
    }


#: Files by name, the one to check, and what is said of it.
REFERENCES: dict[str, tuple[dict[str, str], str]] = {
    "a schedule's job": (
        {
            "s.yml": "name: a\ntrigger: {type: data, path: '*'}\ncreate_job: ./j.yml\n",
            "j.yml": BAD,
        },
        "j.yml:1:1: create_job.comand: unknown field; did you mean 'command'?",
    ),
    "a job's component": (
        {"s.yml": "component: ./c.yml\n", "c.yml": "type: command\nversion: 1\ncode: nowhere\n"},
        "c.yml:1:1: component.command: is required",
    ),
    "a component's code": (
        {"s.yml": JOB + "version: 1\ncode: nowhere\n"},
        "s.yml:4:1: code: 'nowhere' does not exist",
    ),
    "a component's conda file": (
        {"s.yml": "version: 1\ncommand: a\nenvironment: {image: a, conda_file: nowhere.yml}\n"},
        "s.yml:3:25: environment.conda_file: the file 'nowhere.yml' does not exist",
    ),
    "a fault in a conda file": (
        {"s.yml": "dependencies:\n- python\n- 3\n"},
        "s.yml:3:3: dependencies[1]: must be text or a pip list",
    ),
    "a file that is no YAML": ({"s.yml": "command: [\n"}, "s.yml:2:1: is no YAML"),
    "a sweep": ({"s.yml": "type: sweep\n"}, "s.yml:1:1: type: sweep jobs are not supported yet"),
}


@pytest.mark.parametrize(("files", "said"), REFERENCES.values(), ids=REFERENCES)
def test_what_a_file_refers_to_is_checked(tmp_path: Path, files: dict[str, str], said: str) -> None:
    for name, content in files.items():
        (tmp_path / name).write_text(content)
    result = validate("s.yml")
    assert result.exit_code == 1
    assert result.stdout.startswith(said)
