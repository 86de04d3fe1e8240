"""Builds side by side, and what is left of them when the builder stops or is killed."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest
from uv import find_uv_bin

from tests.contract.images.conftest import Client, Gate, a_builder, a_recipe, key_of, until


@contextmanager
def a_process(data: Path) -> Iterator[tuple[subprocess.Popen[str], Client]]:
    """The builder on its own, as `python -m` starts it."""
    command = [sys.executable, "-m", "retrain.local.images", "--port", "0", "--engine", "none"]
    with subprocess.Popen(
        [*command, "--data", str(data)],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ) as process:
        assert process.stdout
        client = Client(process.stdout.readline().split()[-1])
        try:
            yield process, client
        finally:
            client.http.close()
            process.kill()


def gone(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


def test_one_build_a_key_and_two_at_a_time(tmp_path: Path, gate: Gate) -> None:
    recipes = {name: gate.recipe(name) for name in ("slowa", "slowb", "slowc")}
    with a_builder(tmp_path / "images") as client:
        with ThreadPoolExecutor(4) as pool:
            answers = list(pool.map(lambda _: client.put("slowa", recipes["slowa"]), range(8)))
        assert {each.status_code for each in answers} == {202}
        client.put("slowb", recipes["slowb"])
        client.put("slowc", recipes["slowc"])
        until(lambda: len(gate.begun()) == 2)
        assert "Waiting: 2 environments are being built." in client.log("slowc").text
        assert client.log("slowc").headers["Retrain-Complete"] == "false"
        gate.open()
        assert {client.outcome(name)["state"] for name in recipes} == {"ready"}
        assert sorted(gate.begun()) == ["slowa", "slowb", "slowc"]


def test_a_stop_ends_what_is_being_built(tmp_path: Path, gate: Gate) -> None:
    with a_builder(tmp_path / "images") as client:
        client.put("slow", gate.recipe("slow"))
        until(lambda: gate.begun() == ["slow"])
    assert gone(gate.pid("slow"))


@pytest.mark.parametrize("ask", ["get", "put"])
def test_a_killed_builder_leaves_nothing_that_looks_ready(
    tmp_path: Path, gate: Gate, ask: str
) -> None:
    data, recipe = tmp_path / "images", gate.recipe("slow")
    with a_process(data) as (process, client):
        client.put("slow", recipe)
        until(lambda: gate.begun() == ["slow"])
        process.send_signal(signal.SIGKILL)
    orphan = gate.pid("slow")
    assert not gone(orphan)
    assert not (data / "environments" / key_of("slow")).exists()

    with a_builder(data) as client:
        assert gone(orphan)
        again = client.get("slow") if ask == "get" else client.put("slow", recipe).json()
        assert again["state"] == "building"
        gate.open()
        assert client.outcome("slow")["state"] == "ready"
        assert gate.begun() == ["slow", "slow"]


def test_ready_and_failed_are_remembered(tmp_path: Path) -> None:
    with a_builder(tmp_path) as client:
        client.built("good", a_recipe("python"))
        client.built("bad", a_recipe("gdal"))
    with a_builder(tmp_path) as client:
        assert client.get("good")["state"] == "ready"
        failed = client.get("bad")
        assert (failed["state"], "gdal" in failed["reason"]) == ("failed", True)


def test_a_broken_record_is_as_none(tmp_path: Path) -> None:
    with a_builder(tmp_path) as client:
        client.built("good", a_recipe("python"))
        (tmp_path / "records" / f"{key_of('good')}.json").write_text("{")
        assert client.http.get(f"/images/{key_of('good')}").status_code == 404
        assert client.built("good", a_recipe("python"))["state"] == "ready"


def test_a_missing_uv_is_told(tmp_path: Path) -> None:
    with a_builder(tmp_path, uv=str(tmp_path / "uv")) as client:
        failed = client.built("x", a_recipe("python"))
    assert failed["state"] == "failed"
    assert str(tmp_path / "uv") in failed["reason"]


def test_a_signal_ends_it_and_a_taken_port_or_folder_is_told(tmp_path: Path) -> None:
    with a_process(tmp_path / "a") as (process, client):
        command = [sys.executable, "-m", "retrain.local.images", "--engine", "none"]
        port = str(client.http.base_url.port)
        told = {
            f"can't listen on 127.0.0.1:{port}": ("--port", port, "--data", str(tmp_path / "b")),
            "Another image builder uses": ("--port", "0", "--data", str(tmp_path / "a")),
        }
        for words, arguments in told.items():
            second = subprocess.run([*command, *arguments], capture_output=True, text=True)
            assert (second.returncode, words in second.stderr) == (1, True), second.stderr
        process.send_signal(signal.SIGTERM)
        assert process.wait(20) == 0


def test_an_engine_s_marks_do_not_reach_uv(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VIRTUAL_ENV", str(tmp_path / "another"))
    monkeypatch.setenv("UV_PYTHON", "3.2")
    monkeypatch.setenv("PYTHONHOME", str(tmp_path))
    assert os.access(find_uv_bin(), os.X_OK)
    with a_builder(tmp_path / "images") as client:
        assert client.built("x", a_recipe("python"))["state"] == "ready"
