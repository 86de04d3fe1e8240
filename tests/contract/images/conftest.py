"""The image builder on a loop in another thread, and a client that speaks HTTP to it."""

import asyncio
import shutil
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path
from typing import Any

import httpx
import pip
import pytest
from uv import find_uv_bin

from retrain.local.engine import Engine, find_engine
from retrain.local.images import ImageBuilder, ImageSettings

PATIENCE_SECONDS = 50
TEST_IMAGE = "localhost/retrain-test-python:latest"  # tests/contract/batch/node makes it
State = dict[str, Any]


def key_of(name: str) -> str:
    return sha256(name.encode()).hexdigest()


def a_recipe(*dependencies: Any, image: str = "python:3.11-slim") -> dict[str, Any]:
    return {"image": image, "conda": {"dependencies": list(dependencies)}}


def until(true: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not true():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.02)


class Client:
    """What the product's adapter does, with names for what tests ask."""

    def __init__(self, url: str) -> None:
        self.http = httpx.Client(base_url=url, timeout=PATIENCE_SECONDS, trust_env=False)

    def put(self, name: str, recipe: Any) -> httpx.Response:
        return self.http.put(f"/images/{key_of(name)}", json=recipe)

    def get(self, name: str) -> State:
        state: State = self.http.get(f"/images/{key_of(name)}").json()
        return state

    def log(self, name: str, offset: int = 0) -> httpx.Response:
        return self.http.get(f"/images/{key_of(name)}/log", params={"offset": offset})

    def outcome(self, name: str) -> State:
        """The state once it is not being built any more."""
        until(lambda: self.get(name)["state"] != "building")
        return self.get(name)

    def built(self, name: str, recipe: Any) -> State:
        """PUT, wait, and return the state."""
        answer = self.put(name, recipe)
        assert answer.status_code in (200, 202), answer.text
        return self.outcome(name)


@contextmanager
def a_builder(
    data: Path, *, engine: Engine | None = None, uv: str | None = None
) -> Iterator[Client]:
    builder = ImageBuilder(ImageSettings(data, engine, uv or find_uv_bin()))
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    try:
        asyncio.run_coroutine_threadsafe(builder.start(), loop).result(PATIENCE_SECONDS)
        client = Client(builder.url)
        try:
            yield client
        finally:
            client.http.close()
            asyncio.run_coroutine_threadsafe(builder.stop(), loop).result(PATIENCE_SECONDS)
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


BACKEND = """
import os, pathlib, time, zipfile

def build_wheel(folder, config_settings=None, metadata_directory=None):
    gate = pathlib.Path({gate!r})
    (gate / "{name}.pid").write_text(str(os.getpid()))
    with (gate / "begun.txt").open("a") as begun:
        begun.write("{name}\\n")
    while not (gate / "open").exists():
        time.sleep(0.02)
    wheel = "{package}-1.0-py3-none-any.whl"
    info = "{package}-1.0.dist-info"
    with zipfile.ZipFile(pathlib.Path(folder) / wheel, "w") as file:
        file.writestr("{package}.py", "")
        told = "Metadata-Version: 2.1\\nName: {package}\\nVersion: 1.0\\n"
        file.writestr(info + "/METADATA", told)
        file.writestr(info + "/WHEEL", "Wheel-Version: 1.0\\nTag: py3-none-any\\n")
        file.writestr(info + "/RECORD", "")
    return wheel
"""


class Gate:
    """Packages whose build waits, in processes of uv's, until the gate is opened."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir()

    def recipe(self, name: str) -> dict[str, Any]:
        """An environment that needs a slow package, called so but for a prefix PyPI knows not."""
        package = f"retrain_test_{name}"
        source = self.folder / f"{package}-1.0"
        source.mkdir()
        project = f'[project]\nname = "{package}"\nversion = "1.0"\n'
        system = '[build-system]\nrequires = []\nbuild-backend = "slow"\nbackend-path = ["."]\n'
        backend = BACKEND.format(gate=str(self.folder), name=name, package=package)
        (source / "pyproject.toml").write_text(project + system)
        (source / "slow.py").write_text(backend)
        (source / "PKG-INFO").write_text(f"Metadata-Version: 2.2\nName: {package}\nVersion: 1.0\n")
        shutil.make_archive(str(source), "gztar", self.folder, source.name)
        return a_recipe({"pip": [f"--find-links {self.folder}", package]})

    def begun(self) -> list[str]:
        """The packages whose build has begun, in order; a name twice is a second build."""
        try:
            return (self.folder / "begun.txt").read_text().split()
        except FileNotFoundError:
            return []

    def pid(self, name: str) -> int:
        return int((self.folder / f"{name}.pid").read_text())

    def open(self) -> None:
        (self.folder / "open").touch()


@pytest.fixture
def gate(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Gate:
    monkeypatch.setenv("UV_CACHE_DIR", str(tmp_path / "uv-cache"))  # wheels it builds are for once
    return Gate(tmp_path / "gate")


@pytest.fixture(scope="session")
def engine() -> Engine:
    found = find_engine()
    if found is None:
        pytest.skip("no container engine runs containers here")
    asked = subprocess.run([*found.command, "image", "inspect", TEST_IMAGE], capture_output=True)
    if asked.returncode != 0:
        pytest.skip(f"{TEST_IMAGE} is not here: run tests/contract/batch/node/make_test_image.sh")
    return found


@pytest.fixture(scope="session")
def image(engine: Engine, tmp_path_factory: pytest.TempPathFactory) -> str:
    """A small image whose Python has pip."""
    context = tmp_path_factory.mktemp("image")
    shutil.copytree(Path(pip.__file__).parent, context / "pip")
    packages = "/usr/lib/python3/dist-packages"
    (context / "Dockerfile").write_text(f"FROM {TEST_IMAGE}\nCOPY pip {packages}/pip\n")
    name = "localhost/retrain-test-pip:latest"
    build = [*engine.command, "build", *engine.run_options, "--tag", name, str(context)]
    subprocess.run(build, check=True, capture_output=True)
    return name
