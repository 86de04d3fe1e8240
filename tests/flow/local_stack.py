"""A stack as users start it, `retrain up`, in a process of its own that a test may kill."""

import itertools
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import psutil

from retrain.client import FINAL, Client, Run

PATIENCE = 120.0  # seconds; a machine that runs other tests too is slow
SERVICES = ("api", "blob", "servicebus", "batch", "images")


#: Below those that the system gives to connections: one of them could take a port between two
#: starts. Each worker has a thousand of its own.
_FIRST_PORT = 20_000 + 1_000 * int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
_ports = itertools.cycle(range(_FIRST_PORT, _FIRST_PORT + 1_000))


def free_ports(count: int) -> list[int]:
    """Ports nobody uses now, and which are the same after a restart: signed addresses name them."""
    return list(itertools.islice(filter(is_free, _ports), count))


def is_free(port: int) -> bool:
    with socket.socket() as tried:
        tried.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            tried.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


@dataclass
class LocalStack:
    """Start it, kill it, start it again: it is the same stack, by its data and its ports."""

    data: Path
    engine: str = "none"
    ports: list[int] = field(default_factory=lambda: free_ports(len(SERVICES)))
    process: subprocess.Popen[str] | None = None
    addresses: dict[str, str] = field(default_factory=dict)

    def start(self, *options: str) -> None:
        """With these options of `retrain up`, too."""
        words = [sys.executable, "-m", "retrain", "up", "--json", "--data", str(self.data)]
        for service, port in zip(SERVICES, self.ports, strict=True):
            words += [f"--port-{service}", str(port)]
        words += ["--engine", self.engine, *options]
        environment = {**os.environ, "RETRAIN_CONFIG": str(self.data / "profiles.toml")}
        self.process = subprocess.Popen(
            words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment
        )
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        if not line:
            _, said = self.process.communicate()
            raise AssertionError(f"the stack did not start: {said}")
        self.addresses = json.loads(line)

    def kill(self) -> None:
        """kill -9 of the stack's process: nothing of it gets to clean up."""
        assert self.process is not None
        self.process.send_signal(signal.SIGKILL)
        self._reap()

    def stop(self) -> int:
        """Ctrl-C; returns the exit code."""
        assert self.process is not None
        self.process.send_signal(signal.SIGINT)
        return self._reap()

    def _reap(self) -> int:
        process, self.process = self.process, None
        assert process is not None
        process.communicate(timeout=PATIENCE)
        return process.returncode

    def client(self) -> Client:
        return Client(self.addresses["api"], self.addresses["key"])

    def processes(self) -> list[psutil.Process]:
        """Everything on this machine that belongs to this stack's folder, by its command or cwd."""
        mine = []
        for process in psutil.process_iter():
            with suppress(psutil.Error):
                if process.pid != os.getpid() and str(self.data) in " ".join(
                    [*process.cmdline(), process.cwd()]
                ):
                    mine.append(process)
        return mine


@contextmanager
def running_stack(data: Path, engine: str = "none", *options: str) -> Iterator[LocalStack]:
    stack = LocalStack(data, engine)
    stack.start(*options)
    try:
        yield stack
    finally:
        if stack.process is not None:
            assert stack.stop() == 0
        assert eventually(lambda: not stack.processes()), stack.processes()


@contextmanager
def running_stack_with_faults(folder: Path) -> Iterator[LocalStack]:
    """One that misbehaves as soon as `misbehave` says how."""
    plan = folder / "none.yml"
    plan.write_text("rules: []\n")
    with running_stack(folder, "none", "--faults", str(plan), "--port-faults", "0") as started:
        yield started


def misbehave(stack: LocalStack, **rule: Any) -> None:
    httpx.post(stack.addresses["faults"], json=rule, trust_env=False).raise_for_status()


def behave(stack: LocalStack) -> None:
    """Without any fault from now on."""
    httpx.put(stack.addresses["faults"], json={}, trust_env=False).raise_for_status()


def eventually(check: Callable[[], Any], patience: float = PATIENCE) -> Any:
    """What `check` says as soon as it is truthy, or at the end of our patience."""
    until = time.monotonic() + patience
    while True:
        found = check()
        if found or time.monotonic() > until:
            return found
        time.sleep(0.02)


def ended(client: Client, name: str, patience: float = PATIENCE) -> Run:
    """The run once it is over."""

    def over() -> Run | None:
        run = client.get_job(name)
        return run if run["status"] in FINAL else None

    run = eventually(over, patience)
    assert run is not None, client.get_job(name)
    found: Run = run
    return found


def no_compute_left(client: Client) -> bool:
    """Batch lists no job and no pool of ours, at once or after it has deleted them."""
    return bool(eventually(lambda: not any(client.compute().values()), 20))


def job(command: str, **fields: Any) -> dict[str, Any]:
    """A job without code, in an image that stands for this machine's own Python."""
    return {"command": command, "environment": {"image": "python:3.11-slim"}, **fields}


def stdout(client: Client, name: str) -> str:
    return client.logs(name).data.decode()
