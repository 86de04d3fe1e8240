"""`python -m retrain.local.host`, as a person would start it."""

import signal
import subprocess
import sys
from pathlib import Path

import httpx

from tests.contract.host.stage import Stage


def start(*arguments: str) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, "-m", "retrain.local.host", "--port", "0", *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_it_runs_until_a_signal(stage: Stage, client: httpx.Client, tmp_path: Path) -> None:
    root = stage.app("app = func.FunctionApp()\n@app.route('hello')\ndef hello(req): return 'hi'")
    host = start("--root", str(root), "--data", str(tmp_path / "data"))
    assert host.stdout is not None
    url = host.stdout.readline().split()[1]
    key = host.stdout.readline().split()[1]
    assert client.get(f"{url}/hello", headers={"x-functions-key": key}).text == "hi"
    host.send_signal(signal.SIGTERM)
    _, errors = host.communicate(timeout=20)
    assert (host.returncode, errors) == (0, "")


def test_what_is_wrong_is_one_line(tmp_path: Path) -> None:
    host = start("--root", str(tmp_path), "--data", str(tmp_path / "data"))
    out, errors = host.communicate(timeout=20)
    assert (host.returncode, out) == (1, "")
    assert errors.startswith(f"There is no {tmp_path}/host.json.")
    assert len(errors.splitlines()) == 1
