"""`--faults` and `--control-port` of the emulators that run alone, and of the stack."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

CONFIG = '{"UserConfig": {"Namespaces": [{"Queues": [{"Name": "orders"}]}]}}'
BAD = "rules:\n  - {service: batch, kind: throttle}\n  - service: blob\n    kind: preemption\n"
GOOD = "seed: 4\nrules:\n  - {service: batch, kind: throttle, name: slow}\n"

COMMANDS = {
    "batch": ["-m", "retrain.local.batch", "--port", "0", "--data", "data"],
    "servicebus": ["-m", "retrain.local.servicebus", "--port", "0", "--config", "Config.json"],
    "blob": ["-m", "retrain.local.azurite", "--port", "0", "--data", "data"],
}
ALL = {**COMMANDS, "the stack": ["-m", "retrain", "up"]}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "Config.json").write_text(CONFIG, "utf-8")
    (tmp_path / "bad.yml").write_text(BAD, "utf-8")
    (tmp_path / "good.yml").write_text(GOOD, "utf-8")
    return tmp_path


@pytest.mark.parametrize("command", ALL.values(), ids=ALL)
def test_a_bad_plan_is_refused_by_line_and_field(folder: Path, command: list[str]) -> None:
    words = [sys.executable, *command, "--faults", "bad.yml"]
    ended = subprocess.run(words, cwd=folder, capture_output=True, text=True, timeout=60)
    assert ended.returncode == 2, ended
    assert "bad.yml:4:5: rules[1].kind: there is no kind 'preemption'" in ended.stderr
    assert "Traceback" not in ended.stderr


@pytest.mark.parametrize("option", ["--port", "--control-port"])
@pytest.mark.parametrize("command", COMMANDS.values(), ids=COMMANDS)
def test_a_port_that_no_socket_has_is_refused(
    folder: Path, command: list[str], option: str
) -> None:
    words = [sys.executable, *command, option, "65536"]
    ended = subprocess.run(words, cwd=folder, capture_output=True, text=True, timeout=60)
    assert ended.returncode == 2, ended
    assert f"argument {option}: a port is a number from 0 to 65535" in ended.stderr
    assert "Traceback" not in ended.stderr


@pytest.mark.parametrize("command", COMMANDS.values(), ids=COMMANDS)
def test_a_data_folder_that_is_a_file_is_named(folder: Path, command: list[str]) -> None:
    words = [sys.executable, *command, "--data", "good.yml"]
    ended = subprocess.run(words, cwd=folder, capture_output=True, text=True, timeout=60)
    assert ended.returncode == 1, ended
    assert ended.stderr.splitlines()[-1].endswith("good.yml")


@contextmanager
def running(folder: Path, command: list[str]) -> Iterator[str]:
    """The emulator; gives the address of its control endpoint."""
    words = [sys.executable, *command, "--faults", "good.yml", "--control-port", "0"]
    with subprocess.Popen(words, cwd=folder, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            lines = (line.split() for line in process.stdout)
            yield next(words[1] for words in lines if words[:1] == ["control"])
        finally:
            process.terminate()
            process.stdout.read()
    assert process.returncode == 0


@pytest.mark.parametrize("command", COMMANDS.values(), ids=COMMANDS)
def test_each_emulator_alone_can_be_made_to_suffer(folder: Path, command: list[str]) -> None:
    with running(folder, command) as url, httpx.Client(trust_env=False) as client:
        told = client.get(url).json()
        assert told["seed"] == 4
        assert [rule["name"] for rule in told["rules"]] == ["slow"]
        assert client.delete(f"{url}/slow").status_code == 204
        assert client.get(url).json()["rules"] == []
