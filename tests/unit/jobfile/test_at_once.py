"""All that can be known to be wrong with a file is told at once, and nothing that only seems so."""

from pathlib import Path

import pytest

from retrain.jobfile import JobFileError, read_asset, read_job, read_schedule

RIGHT = "command: echo\nenvironment: {image: python}\n"
ON_DATA = "name: s\ntrigger: {type: data, path: '*.csv'}\n"

#: Of a job: its content, and where each problem stands and how it begins.
JOBS: dict[str, tuple[str, list[str]]] = {
    "a binding beside a wrong type": (
        "command: a ${{inputs.nope}}\nenvironment: {image: python}\nlimits: {timeout: 1h}\n",
        ["1:1: command: ${{inputs.nope}} stands for nothing", "3:10: limits.timeout: must be"],
    ),
    "a binding to an input that is wrong": (
        "command: a ${{inputs.n}}\nenvironment: {image: python}\ninputs:\n"
        "  n: {type: integer, default: x}\n",
        ["4:3: inputs.n: the value is of type string"],
    ),
    "a binding where the inputs are misspelt": (
        "command: a ${{inputs.n}} ${{inputs.m}}\nenvironment: {image: python}\ninput: {n: 1}\n",
        ["1:1: command: ${{inputs.m}} stands", "3:1: input: unknown field; did you mean 'inputs'?"],
    ),
    "a binding where nobody knows the inputs": (
        "command: a ${{inputs.n}}\nenvironment: {image: python}\ninputs: [n]\n",
        ["3:1: inputs: must be a mapping"],
    ),
    "a binding in a misspelt command": (
        "comand: a ${{inputs.n}}\nenvironment: {image: python}\n",
        ["1:1: comand: unknown field", "1:1: comand: ${{inputs.n}} stands for nothing"],
    ),
    "a variable beside a wrong one": (
        RIGHT + "environment_variables:\n  A: ${{inputs.n}}\n  B: [1]\n",
        ["4:3: environment_variables.A: ${{inputs.n}}", "5:3: environment_variables.B: must be"],
    ),
    "code beside no conda file": (
        "command: a ${{inputs.n}}\ncode: nowhere\nenvironment:\n  image: python\n"
        "  conda_file: none.yml\nlimits: 3\n",
        [
            "1:1: command: ${{inputs.n}} stands",
            "2:1: code: 'nowhere' does not exist",
            "5:3: environment.conda_file: the file 'none.yml' does not exist",
            "6:1: limits: must be a mapping",
        ],
    ),
    "code beside no environment file": (
        "command: a\ncode: nowhere\nenvironment: file:none.yml\n",
        ["2:1: code: 'nowhere'", "3:1: environment: the file 'none.yml' does not exist"],
    ),
    "a job beside no component": (
        "component: ./none.yml\nlimits: {timeout: 1h}\n",
        ["1:1: component: the file 'none.yml' does", "2:10: limits.timeout: must be"],
    ),
    "a job beside a wrong component": (
        "component:\n  command: a\n  code: nowhere\n  environment: {image: a}\n  comand: b\n"
        "inputs: {n: 1}\nlimits: {timeout: 1h}\n",
        [
            "3:3: component.code: 'nowhere' does not exist",
            "5:3: component.comand: unknown field",
            "7:10: limits.timeout: must be",
        ],
    ),
    "a binding in a literal, and a type": (
        RIGHT + "inputs: {a: 'x ${{inputs.b}}'}\nlimits: 3\n",
        ["3:10: inputs.a: ${{inputs.b}} is not filled in", "4:1: limits: must be a mapping"],
    ),
    "data under another name": (
        RIGHT + "inputs:\n  iris_csv: {file: 'https://example.org/iris.csv'}\n",
        [
            "4:14: inputs.iris_csv.file: unknown field; "
            "write `path:`, and `type: uri_file` beside it"
        ],
    ),
    "typed data under another name": (
        RIGHT + "inputs:\n  a: {type: uri_file, url: 'https://example.org/a'}\n",
        ["4:23: inputs.a.url: unknown field; write `path:`: an address"],
    ),
    "data with a misspelt path": (
        RIGHT + "inputs:\n  a: {pth: 'https://example.org/a'}\n",
        ["4:7: inputs.a.pth: unknown field; did you mean 'path'?"],
    ),
    "a literal under another name": (
        RIGHT + "inputs:\n  a: {type: integer, value: 3}\n",
        ["4:22: inputs.a.value: unknown field; write `default:`"],
    ),
    "a literal that says no type": (
        RIGHT + "inputs:\n  a: {value: 3}\n",
        ["4:3: inputs.a: has no `type`; write the value alone, or use one of"],
    ),
    "data": (
        "$schema: https://azuremlschemas.azureedge.net/latest/data.schema.json\n"
        "name: iris\ntype: uri_file\npath: ./nowhere.csv\n",
        ["1:1: $schema: this is a data asset, not a job; create it with `retrain data create -f`"],
    ),
}
SCHEDULES: dict[str, tuple[str, list[str]]] = {
    "a wrong trigger and a binding": (
        "name: s\ntrigger: {type: cron, expression: x}\ncreate_job:\n"
        "  command: a ${{inputs.n}} ${{trigger.path}}\n  environment: {image: python}\n",
        [
            "2:23: trigger.expression: ",
            "4:3: create_job.command: ${{inputs.n}} stands for nothing",
            "4:3: create_job.command: ${{trigger.path}} has no value here",
        ],
    ),
    "a wrong name and a binding": (
        "name: a b\ntrigger: {type: data, path: '*.csv'}\ncreate_job:\n"
        "  command: a ${{inputs.n}} ${{trigger.path}}\n  environment: {image: python}\n",
        ["1:1: name: 'a b' can't be a name", "4:3: create_job.command: ${{inputs.n}} stands"],
    ),
    "no job file": (
        "name: a b\ntrigger: {type: data, path: '*.csv'}\ncreate_job: none.yml\n",
        ["1:1: name: 'a b' can't be a name", "3:1: create_job: the file 'none.yml' does not exist"],
    ),
    "no job file, with more beside it": (
        "name: a b\ntrigger: {type: data, path: '*.csv'}\ncreate_job: {job: none.yml, tags: {}}\n",
        ["1:1: name: 'a b' can't be a name", "3:14: create_job.job: the file 'none.yml' does not"],
    ),
    "a pipeline": (
        "name: a b\ntrigger: {type: data, path: '*.csv'}\ncreate_job: {type: pipeline, jobs: {}}\n",
        ["1:1: name: 'a b' can't be", "3:14: create_job.type: pipeline jobs are not supported yet"],
    ),
    "a component that lacks a value": (
        ON_DATA + "tagz: {}\ncreate_job:\n  component:\n    command: a ${{inputs.n}}\n"
        "    environment: {image: a}\n    inputs: {n: {type: integer}}\n  limits: 3\n",
        [
            "3:1: tagz: unknown field",
            "4:1: create_job.inputs.n: the component needs a value for it",
            "9:3: create_job.limits: must be a mapping",
        ],
    ),
}


def told(folder: Path, refused: "pytest.ExceptionInfo[JobFileError]") -> list[str]:
    return [str(one).replace(f"{folder}/", "") for one in refused.value.problems]


def check(lines: list[str], beginnings: list[str]) -> None:
    assert len(lines) == len(beginnings), lines
    for line, beginning in zip(lines, beginnings, strict=True):
        assert line.startswith(f"file.yml:{beginning}"), (line, beginning)


@pytest.mark.parametrize(("content", "said"), JOBS.values(), ids=JOBS)
def test_of_a_job(content: str, said: list[str], tmp_path: Path) -> None:
    (tmp_path / "file.yml").write_text(content)
    with pytest.raises(JobFileError) as refused:
        read_job(tmp_path / "file.yml")
    check(told(tmp_path, refused), said)


@pytest.mark.parametrize(("content", "said"), SCHEDULES.values(), ids=SCHEDULES)
def test_of_a_schedule(content: str, said: list[str], tmp_path: Path) -> None:
    (tmp_path / "file.yml").write_text(content)
    with pytest.raises(JobFileError) as refused:
        read_schedule(tmp_path / "file.yml")
    check(told(tmp_path, refused), said)


def test_of_a_job_where_data_is_wanted(tmp_path: Path) -> None:
    (tmp_path / "file.yml").write_text(RIGHT + "path: nowhere\n")
    with pytest.raises(JobFileError) as refused:
        read_asset(tmp_path / "file.yml", "data")
    check(told(tmp_path, refused), ["1:1: this is a job, not a data asset; create it with"])
