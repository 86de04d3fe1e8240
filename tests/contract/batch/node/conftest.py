"""A node of this machine, and a real Azurite for what it downloads and uploads."""

import asyncio
import socket
import subprocess
import time
from collections.abc import Callable, Coroutine, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar
from urllib.error import HTTPError
from urllib.request import urlopen
from uuid import uuid4

import psutil
import pytest
from azure.storage.blob import BlobServiceClient, ContainerClient, generate_container_sas

from retrain.local.azurite import find_azurite
from retrain.local.batch.execution import Execution, Outcome, OutputFile, ResourceFile
from retrain.local.batch.node import LocalNode

ACCOUNT = "devstoreaccount1"
KEY = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="
PATIENCE_SECONDS = 20

T = TypeVar("T")


@pytest.fixture
def runner() -> Iterator[asyncio.Runner]:
    with asyncio.Runner() as runner:
        yield runner


@pytest.fixture
def node(runner: asyncio.Runner, tmp_path: Path) -> Iterator[LocalNode]:
    node = LocalNode(None, tmp_path / "environments", tmp_path / "log")
    yield node
    runner.run(node.stop())


@dataclass(frozen=True)
class Stage:
    """Runs executions on a node, each in a folder of its own below `root`."""

    runner: asyncio.Runner
    node: LocalNode
    root: Path

    def execution(self, command_line: str, *, key: str = "task", **rest: Any) -> Execution:
        task_dir = self.root / key
        settings = {
            "environment": {"AZ_BATCH_TASK_DIR": str(task_dir)},
            "image": None,
            "container_run_options": "",
            "resource_files": (),
            "output_files": (),
            "wall_clock_seconds": None,
        }
        return Execution(
            key=key, root=self.root, task_dir=task_dir, command_line=command_line, **settings | rest
        )

    def run(self, command_line: str, *, key: str = "task", **rest: Any) -> Outcome:
        return self.wait(self.node.run(self.execution(command_line, key=key, **rest), ignore))

    def wait(self, coroutine: Coroutine[Any, Any, T]) -> T:
        return self.runner.run(coroutine)

    def stdout(self, key: str = "task") -> str:
        return (self.root / key / "stdout.txt").read_text()

    def stderr(self, key: str = "task") -> str:
        return (self.root / key / "stderr.txt").read_text()

    def working(self, key: str = "task") -> Path:
        folder = self.root / key / "wd"
        folder.mkdir(parents=True, exist_ok=True)
        return folder


@pytest.fixture
def stage(runner: asyncio.Runner, node: LocalNode, tmp_path: Path) -> Stage:
    return Stage(runner, node, tmp_path / "root")


def ignore() -> None:
    """An `on_started` that nobody waits for."""


def eventually(condition: Callable[[], bool], what: str) -> None:
    """Poll until it holds; fail with `what` when it doesn't in time."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not condition():
        assert time.monotonic() < deadline, what
        time.sleep(0.02)


def living(argument: str) -> list[int]:
    """The pids of the processes that have this word on their command line."""
    found = []
    for process in psutil.process_iter():
        try:
            if argument in process.cmdline() and process.status() != psutil.STATUS_ZOMBIE:
                found.append(process.pid)
        except psutil.Error:
            continue
    return found


@pytest.fixture(scope="session")
def azurite(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The account's URL in an Azurite that keeps everything in memory."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    flags = ("--loose", "--skipApiVersionCheck", "--disableTelemetry", "--silent")
    process = subprocess.Popen(
        [*find_azurite(), "--blobPort", str(port), "--inMemoryPersistence", *flags],
        cwd=tmp_path_factory.mktemp("azurite"),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    url = f"http://127.0.0.1:{port}/{ACCOUNT}"
    try:
        eventually(lambda: process.poll() is None and _answers(url), "Azurite doesn't answer")
        yield url
    finally:
        process.terminate()
        process.wait()


def _answers(url: str) -> bool:
    try:
        urlopen(url).close()
    except HTTPError as error:
        error.close()
        return True
    except OSError:
        return False
    return True


@dataclass(frozen=True)
class Storage:
    """A container of the test's own."""

    client: ContainerClient
    url: str

    def sas(self, permission: str, *, minutes: float = 30) -> str:
        """The container's URL with a signature that grants so much."""
        signature = generate_container_sas(
            ACCOUNT,
            self.client.container_name,
            account_key=KEY,
            permission=permission,
            expiry=datetime.now(UTC) + timedelta(minutes=minutes),
        )
        return f"{self.url}?{signature}"

    def put(self, name: str, content: bytes) -> None:
        self.client.upload_blob(name, content)

    def content(self, name: str) -> bytes:
        return self.client.download_blob(name).readall()

    @property
    def names(self) -> list[str]:
        return sorted(blob.name for blob in self.client.list_blobs())

    def file(self, name: str, path: str, mode: str | None = None) -> ResourceFile:
        base, _, signature = self.sas("r").partition("?")
        return ResourceFile(f"{base}/{name}?{signature}", None, None, path, mode)

    def folder(self, prefix: str | None, path: str | None) -> ResourceFile:
        return ResourceFile(None, self.sas("rl"), prefix, path, None)

    def output(
        self, pattern: str, path: str | None, condition: Any = "taskcompletion"
    ) -> OutputFile:
        return OutputFile(pattern, self.sas("cw"), path, condition)


@pytest.fixture
def storage(azurite: str) -> Iterator[Storage]:
    name = f"test-{uuid4().hex}"
    with (
        BlobServiceClient(azurite, credential=KEY) as service,
        service.create_container(name) as client,
    ):
        yield Storage(client, f"{azurite}/{name}")
