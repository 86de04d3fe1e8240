"""docs/job-language.md says what is so: its tables, its files, and what is said of them."""

import json
import re
from pathlib import Path

import pytest
from typer.testing import CliRunner

from retrain.cli.app import app
from retrain.jobfile.check import check
from retrain.jobfile.collection import Collected
from tests.corpus.tables import PAGE, with_tables

PAGE_TEXT = PAGE.read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```(\w+)\n(.*?)^```$", PAGE_TEXT, re.DOTALL | re.MULTILINE)


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A current folder with the files of the page in it, by the names in their first lines."""
    monkeypatch.chdir(tmp_path)
    for language, text in BLOCKS:
        named = re.match(r"# (\S+\.yml)\n", text)
        if language == "yaml" and named:
            (tmp_path / named[1]).write_text(text)
    return tmp_path


def test_the_tables_are_current() -> None:
    current = with_tables(PAGE_TEXT) == PAGE_TEXT
    assert current, "run `python -m tests.corpus.tables`, and commit what it wrote"


def test_the_console_shows_what_is_printed(here: Path) -> None:
    shown = next(text for language, text in BLOCKS if language == "console")
    command, _, output = shown.partition("\n")
    result = CliRunner().invoke(app, command.removeprefix("$ retrain ").split())
    assert result.stdout + result.stderr == output


def test_the_files_of_the_page_are_right(here: Path) -> None:
    files = sorted(path for path in here.iterdir() if path.name != "bad.yml")
    assert len(files) >= 2
    for path in files:
        assert not check(Collected(path, named=True)).problems, path


def test_the_shape_of_the_report(here: Path) -> None:
    shown = json.loads(next(text for language, text in BLOCKS if language == "json"))
    result = CliRunner().invoke(app, ["job", "validate", "bad.yml", "--json"])
    report = json.loads(result.stdout)
    assert report.keys() == shown.keys()
    assert report["files"][0].keys() == shown["files"][0].keys()
    assert report["files"][0]["problems"][0].keys() == shown["files"][0]["problems"][0].keys()
