"""What is wrong in a file is told with its line and column, and what to write instead."""

from itertools import pairwise
from pathlib import Path

import pytest

from retrain.jobfile import JobFileError, read_job

RIGHT = "command: echo\nenvironment:\n  image: python\n"


def faults(folder: Path, content: str | bytes, overrides: dict[str, str] | None = None) -> str:
    """What is said of a job.yml with this content, with the folder's name taken out."""
    path = folder / "job.yml"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(JobFileError) as refused:
        read_job(path, overrides or {})
    assert all(problem.remedy for problem in refused.value.problems)
    assert refused.value.exit_code == 2
    return str(refused.value).replace(f"{folder}/", "")


FAULTS: dict[str, tuple[str | bytes, str]] = {
    "misspelt": (
        "environment:\n  image: python\ncomand: echo\n",
        "job.yml:3:1: comand: unknown field; did you mean 'command'?",
    ),
    "misspelt, deep": (
        RIGHT + "inputs:\n  x:\n    type: integer\n    deflt: 1\n",
        "job.yml:7:5: inputs.x.deflt: unknown field; did you mean 'default'?",
    ),
    "mistyped": (
        RIGHT + "limits: {timeout: 1h}\n",
        "job.yml:4:10: limits.timeout: must be a whole number; write digits, without quotes",
    ),
    "missing": (
        "\nenvironment: {image: python}\n",
        "job.yml:2:1: command: is required; write what to run, for example",
    ),
    "missing, deep": (
        "command: a\nenvironment:\n  conda_file: {dependencies: [a]}\n",
        "job.yml:2:1: environment.image: is required",
    ),
    "not yet": (
        RIGHT + "services:\n  a: {}\n",
        "job.yml:4:1: services: not supported yet; leave it out",
    ),
    "another kind": ("type: sweep\n", "job.yml:1:1: type: sweep jobs are not supported yet"),
    "an item": (
        RIGHT + "  conda_file:\n    dependencies:\n    - a\n    - 3\n",
        "job.yml:7:7: environment.conda_file.dependencies[1]: must be text or a pip list",
    ),
    "a dangling binding": (
        "environment: {image: python}\ncommand: |\n  echo ${{inputs.x}}\n",
        "job.yml:2:1: command: ${{inputs.x}} stands for nothing; declare 'x' under `inputs:`",
    ),
    "no code": (
        RIGHT + "code: ./src\n",
        "job.yml:4:1: code: 'src' does not exist; paths are relative",
    ),
    "all of the disk": (RIGHT + "code: /\n", "job.yml:4:1: code: '/' is far too much to send"),
    "a home folder": (RIGHT + "code: ~/src\n", "write the whole path: ~ is not expanded here"),
    "no input": (
        RIGHT + "inputs:\n  d:\n    type: uri_file\n    path: a.csv\n",
        "job.yml:7:5: inputs.d.path: 'a.csv' does not exist; paths are relative",
    ),
    "a folder as file": (
        RIGHT + "inputs:\n  d: {type: uri_file, path: folder}\n",
        "job.yml:5:23: inputs.d.path: 'folder' is a folder, not a file; write `type: uri_folder`",
    ),
    "a file as folder": (
        RIGHT + "inputs:\n  d: {path: file}\n",
        "job.yml:5:7: inputs.d.path: 'file' is not a folder; write `type: uri_file`",
    ),
    "an empty folder": (
        RIGHT + "inputs:\n  d: {path: folder}\n",
        "inputs.d.path: the folder 'folder' has no file in it",
    ),
    "a device": (
        RIGHT + "inputs:\n  d: {type: uri_file, path: /dev/null}\n",
        "inputs.d.path: '/dev/null' is no regular file, not a file",
    ),
    "a binding in a literal": (
        RIGHT + "inputs:\n  d: a ${{inputs.b}}\n",
        "job.yml:5:3: inputs.d: ${{inputs.b}} is not filled in here",
    ),
    "no conda file": (
        RIGHT + "  conda_file: conda.yml\n",
        "job.yml:4:3: environment.conda_file: the file 'conda.yml' does not exist",
    ),
    "a folder as conda file": (
        RIGHT + "  conda_file: folder\n",
        "environment.conda_file: the file 'folder' does not exist",
    ),
    "a fault in the conda file": (
        RIGHT + "  conda_file: bad-conda.yml\n",
        "bad-conda.yml:3:3: environment.conda_file.dependencies[1]: must be text or a pip list",
    ),
    "a conda file that is no YAML": (
        RIGHT + "  conda_file: no-conda.yml\n",
        "no-conda.yml:2:1: is no YAML",
    ),
    "no YAML": ("command: [\n", "job.yml:2:1: is no YAML: while parsing a flow node"),
    "a colon in text": (
        "command: echo a: b\n",
        "job.yml:1:16: is no YAML: mapping values are not allowed here; check the indentation",
    ),
    "a tab": ("environment:\n\timage: a\n", "job.yml:2:1: is no YAML"),
    "an undefined alias": ("command: *x\n", "job.yml:1:10: is no YAML: found undefined alias"),
    "two documents": (f"{RIGHT}---\n{RIGHT}", "job.yml:4:1: is no YAML"),
    "nothing": ("", "job.yml: is empty; write the document into it"),
    "only a comment": ("# job\n", "job.yml: is empty"),
    "a list": ("- command\n", "job.yml:1:1: is not a mapping"),
    "a word": ("\n  hello\n", "job.yml:2:3: is not a mapping"),
    "twice": (
        RIGHT + "command: other\n",
        "job.yml:4:1: command: is written twice (first in line 1); remove one",
    ),
    "twice, deep": (
        RIGHT + "inputs:\n  a: 1\n  'a': 2\n",
        "job.yml:6:3: inputs.a: is written twice (first in line 5)",
    ),
    "a tag": (RIGHT + "code: !!python/name:os.system x\n", "job.yml:4:7: code: the tag !!python"),
    "a tag of one's own": (RIGHT + "inputs: !mine {}\n", "job.yml:4:9: inputs: the tag !mine"),
    "an empty number": (RIGHT + "inputs: {a: !!int ''}\n", "inputs.a: '' can't be read as int"),
    "a strange boolean": (RIGHT + "inputs: {a: !!bool x}\n", "'x' can't be read as bool"),
    "a merge key": (RIGHT + "inputs:\n  <<: {a: 1}\n", "merge keys (<<) are not supported"),
    "a list as name": (RIGHT + "? [a]\n: 1\n", "job.yml:4:3: a field's name must be text"),
    "not UTF-8": (b"command: a\nname: \xff\n", "job.yml:2:7: is not UTF-8 text; save it with"),
    "UTF-16": (RIGHT.encode("utf-16"), "job.yml:1:1: is not UTF-8 text"),
    "a control character": (b"command: a\nname: a\x01\n", "job.yml:2:8: has a control character"),
    "too large": (RIGHT + "#" * 1_000_001, "job.yml: is larger than 1,000,000 bytes"),
    "too deep": ("a: " + "[" * 60 + "]" * 60, "is too large or too deep"),
    "far too deep": ("[" * 600, "job.yml: is nested too deeply"),
    "a number without end": (RIGHT + "inputs: {a: " + "9" * 5000 + "}\n", "can't be read as int"),
    "itself inside": (RIGHT + "inputs: &a {a: *a}\n", "is too large or too deep"),
    "a bomb": (
        "a: &a [x,x,x,x,x,x,x,x,x,x]\n"
        + "".join(f"{c}: &{c} [{','.join([f'*{p}'] * 10)}]\n" for p, c in pairwise("abcdefg"))
        + RIGHT,
        "is too large or too deep",
    ),
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "folder").mkdir()
    (tmp_path / "file").touch()
    (tmp_path / "bad-conda.yml").write_text("dependencies:\n- python\n- 3\n")
    (tmp_path / "no-conda.yml").write_text("dependencies: [\n")
    return tmp_path


@pytest.mark.parametrize(("content", "said"), FAULTS.values(), ids=FAULTS)
def test_a_fault_and_its_place(content: str | bytes, said: str, folder: Path) -> None:
    assert said in faults(folder, content)


def test_all_faults_are_told_in_the_order_of_their_lines(folder: Path) -> None:
    content = "comand: a\ncode: nowhere\nenvironment:\n  conda_file: bad-conda.yml\nlimits: 3\n"
    said = faults(folder, content).splitlines()
    assert [line.split(": ")[0] for line in said] == [
        "bad-conda.yml:3:3",
        "job.yml:1:1",
        "job.yml:2:1",
        "job.yml:3:1",
        "job.yml:5:1",
    ]


def test_a_home_folder_is_no_code(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(folder))
    assert "is far too much to send; put the code in a folder" in faults(
        folder, RIGHT + "code: .\n"
    )


def test_no_file(tmp_path: Path) -> None:
    with pytest.raises(JobFileError, match=r"job\.yml: does not exist; check the name"):
        read_job(tmp_path / "job.yml")


def test_a_folder(tmp_path: Path) -> None:
    with pytest.raises(JobFileError, match="is a folder; name the file in it"):
        read_job(tmp_path)
