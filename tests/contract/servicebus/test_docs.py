"""The example of docs/servicebus.md does what the page says."""

import re
from pathlib import Path

import pytest

from tests.contract.servicebus.emulator import EmulatorProcess

PAGE = Path("docs/servicebus.md").read_text("utf-8")


def example(language: str) -> str:
    (found,) = re.findall(rf"```{language}\n(.*?)```", PAGE, re.DOTALL)
    return str(found)


def test_the_example_runs(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    config = tmp_path / "Config.json"
    config.write_text(example("json"), "utf-8")
    with EmulatorProcess(tmp_path / "data", config) as process:
        exec(example("python").replace("127.0.0.1:5672", f"127.0.0.1:{process.port}"), {})
    assert capsys.readouterr().out == "hello\n"
