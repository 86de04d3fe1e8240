"""The examples of docs/batch.md do what the page says, in the page's order."""

import re
from pathlib import Path
from typing import Any

import pytest

from retrain.local.batch import BatchSettings
from retrain.local.batch.__main__ import main
from tests.contract.batch.conftest import client_of, completed, in_state, running

PAGE = Path("docs/batch.md").read_text("utf-8")


def examples() -> list[str]:
    return re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)


def test_the_examples_run(
    tmp_path: Path, environments: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    settings = BatchSettings(data=tmp_path, environments=environments)
    with running(settings) as server, client_of(settings, server.endpoint) as client:
        names: dict[str, Any] = {}
        for example in examples():
            exec(example.replace("127.0.0.1:10010", f"127.0.0.1:{server.port}"), names)
        names["client"].close()
        completed(client, "graph", "last")
        completed(client, "strict", "t")
        in_state(client, "strict", "active")
    said = capsys.readouterr().out.split("\n")
    assert said[0] == "hello"
    assert "hourly:job-1" in said
    assert any(line.startswith("$TargetDedicatedNodes=1;") for line in said)


def test_the_examples_are_short() -> None:
    assert len(examples()) >= 5
    lines = [len(example.strip().splitlines()) for example in examples()]
    assert max(lines) <= 8


def test_every_option_of_the_page_is_the_commands(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["--help"])
    known = capsys.readouterr().out
    named = set(re.findall(r"`(?:python -m retrain\.local\.batch )?(--[a-z-]+)", PAGE))
    assert {option for option in named if option not in known} == set()
