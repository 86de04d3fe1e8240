"""Stacks that can't start say why, with what to do, and leave nothing behind."""

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from tests.flow.local_stack import SERVICES, LocalStack, free_ports

pytestmark = pytest.mark.xdist_group("stack")


def _up(data: Path, ports: list[int], **environment: str) -> subprocess.CompletedProcess[str]:
    words = [sys.executable, "-m", "retrain", "up", "--json", "--data", str(data)]
    for service, port in zip(SERVICES, ports, strict=True):
        words += [f"--port-{service}", str(port)]
    return subprocess.run(
        [*words, "--engine", "none"],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        env={**os.environ, "RETRAIN_CONFIG": str(data / "profiles.toml"), **environment},
    )


@pytest.mark.parametrize("service", SERVICES)
def test_a_port_in_use_is_named(service: str, tmp_path: Path) -> None:
    ports = free_ports(len(SERVICES))
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", ports[SERVICES.index(service)]))
        taken.listen()
        done = _up(tmp_path, ports)
    assert done.returncode == 1
    assert str(ports[SERVICES.index(service)]) in done.stderr
    assert f"--port-{service}" in done.stderr
    assert "Traceback" not in done.stderr
    left = LocalStack(tmp_path, ports=ports).processes()
    assert not left


def test_a_folder_in_use_is_named(stack: LocalStack) -> None:
    done = _up(stack.data, free_ports(len(SERVICES)))
    assert done.returncode == 1
    assert f"Another stack uses {stack.data}" in done.stderr


def test_no_azurite_says_how_to_get_it(tmp_path: Path) -> None:
    done = _up(tmp_path, free_ports(len(SERVICES)), RETRAIN_AZURITE=str(tmp_path / "none"))
    assert done.returncode == 1
    assert "RETRAIN_AZURITE" in done.stderr
    assert "Traceback" not in done.stderr
