"""Files after the patterns that people write for Azure ML, each with its verdict at its top.

`# expect: valid`, or one line for each problem as `retrain job validate` prints it, without the
path in front of its own; one that ends in `…` may go on. The JSON Schemas take every file that is
right, and find misspelt fields.
"""

from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from retrain.jobfile.check import Checked, check
from retrain.jobfile.collection import Collected, collect
from retrain.jobfile.source import read_source
from shared.jobs import KINDS
from shared.jobs.schema import json_schema, written

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
MARK = "# expect: "


def _expected(path: Path) -> list[str]:
    lines = path.read_text(encoding="utf-8").splitlines()
    return [line.removeprefix(MARK) for line in lines if line.startswith(MARK)]


def _files() -> Iterator[Path]:
    return (path for path in sorted(HERE.rglob("*.yml")) if _expected(path))


def _said(checked: Checked) -> list[str]:
    problems = [str(one).replace("\n", " ") for one in checked.problems]
    return [one.removeprefix(f"{checked.path}:").replace(f"{HERE}/", "") for one in problems]


@cache
def _schema(kind: str) -> Draft202012Validator:
    schema = json_schema(kind)
    Draft202012Validator.check_schema(schema)
    return Draft202012Validator(schema)


FILES = {str(path.relative_to(HERE)): path for path in _files()}
VALID = {name: path for name, path in FILES.items() if _expected(path) == ["valid"]}
#: The schema leaves what is in conda files to the check.
MISSPELT = {
    name: path
    for name, path in FILES.items()
    if any("unknown field" in said and "conda" not in said for said in _expected(path))
}
EXAMPLES = {
    str(file.path.relative_to(ROOT)): file.path for file in collect([str(ROOT / "examples")])
}


@pytest.mark.parametrize("path", FILES.values(), ids=FILES)
def test_a_file_has_its_verdict(path: Path) -> None:
    said = _said(check(Collected(path, named=True))) or ["valid"]
    expected = _expected(path)
    assert len(said) == len(expected)
    for one, wanted in zip(said, expected, strict=True):
        begun = wanted.removesuffix("…")
        assert one.startswith(begun) if begun != wanted else one == wanted


def test_there_are_many_files_of_each_kind() -> None:
    kinds = [check(Collected(path, named=True)).kind for path in VALID.values()]
    assert len(FILES) >= 60
    assert {kind for kind in KINDS if kinds.count(kind) < 2} == set()


def _faults(path: Path, kind: str) -> list[str]:
    document: dict[str, Any] = read_source(path).document
    return [error.message for error in _schema(kind).iter_errors(document)]


@pytest.mark.parametrize("path", VALID.values(), ids=VALID)
def test_the_schema_takes_what_is_right(path: Path) -> None:
    kind = check(Collected(path, named=True)).kind
    assert kind is not None
    assert _faults(path, kind) == []


@pytest.mark.parametrize("path", MISSPELT.values(), ids=MISSPELT)
def test_the_schema_finds_misspelt_fields(path: Path) -> None:
    kind = check(Collected(path, named=True)).kind
    assert kind is not None
    assert _faults(path, kind)


@pytest.mark.parametrize("path", EXAMPLES.values(), ids=EXAMPLES)
def test_the_examples_are_right(path: Path) -> None:
    checked = check(Collected(path, named=False))
    assert not checked.problems
    if checked.kind is not None and checked.kind in KINDS:
        assert _faults(path, checked.kind) == []


@pytest.mark.parametrize("kind", KINDS)
def test_the_committed_schema_is_current(kind: str) -> None:
    path = ROOT / "docs" / "schemas" / f"{kind}.schema.json"
    assert path.is_file(), "run `retrain schema --into docs/schemas`, and commit what it wrote"
    current = path.read_text(encoding="utf-8") == written(json_schema(kind))
    assert current, "run `retrain schema --into docs/schemas`, and commit what it wrote"
