"""The package that azd would deploy, built as azd builds it, starts with requirements.txt alone."""

import json
import os
import subprocess
import sys
import time
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest
from pathspec import GitIgnoreSpec

from tests.infra.bicep import ROOT

#: Megabytes. What Azure installs beside it is requirements.txt's.
LARGEST: Final = 2.0
DOORS: Final = {
    "web",
    "health",
    "mlflow",
    "schedules_due",
    "watch",
    "training_requested",
    "run_event",
    "data_landed",
    "task_ended",
}
_LOOK: Final = """
import json, sys, time
begun = time.perf_counter()
import function_app
took = time.perf_counter() - begun
functions = [one.get_function_name() for one in function_app.app.get_functions()]
from shared.wiring import ports
from shared.settings import read
from datetime import datetime, UTC
ports(read({
    "RETRAIN_STORAGE__blobServiceUri": "https://x.blob.core.windows.net",
    "RETRAIN_SERVICEBUS__fullyQualifiedNamespace": "x.servicebus.windows.net",
    "RETRAIN_BATCH": "https://x.westeurope.batch.azure.com",
    "RETRAIN_REGISTRY": "/subscriptions/s/resourceGroups/g/providers"
    "/Microsoft.ContainerRegistry/registries/crretrain",
}), lambda: datetime.now(UTC))
print(json.dumps({"functions": functions, "took": took, "place": function_app.__file__}))
"""


def packed() -> Iterator[Path]:
    """Every file below the root that .funcignore lets travel; folders it names are not entered."""
    ignored = GitIgnoreSpec.from_lines((ROOT / ".funcignore").read_text().splitlines())
    for folder, folders, files in os.walk(ROOT):
        here = Path(folder).relative_to(ROOT)
        folders[:] = [one for one in folders if not ignored.match_file(f"{here / one}/")]
        yield from (here / one for one in files if not ignored.match_file(str(here / one)))


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("package") / "app.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in sorted(packed()):
            archive.write(ROOT / name, name.as_posix())
    return path


@pytest.fixture(scope="module")
def clean(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The Python of an environment that has what requirements.txt pins, and nothing else."""
    folder = tmp_path_factory.mktemp("clean")
    uv = [sys.executable, "-m", "uv"]
    environment = {name: value for name, value in os.environ.items() if name != "VIRTUAL_ENV"}
    python = folder / "bin" / "python"
    install = ["pip", "install", "-q", "-p", str(python), "-r", str(ROOT / "requirements.txt")]
    for command in (["venv", "-q", "-p", sys.executable, str(folder)], install):
        subprocess.run([*uv, *command], check=True, env=environment)
    return python


def test_what_travels_is_the_app_and_nothing_else(package: Path) -> None:
    with zipfile.ZipFile(package) as archive:
        names = archive.namelist()
    tops = {name.partition("/")[0] for name in names}
    ours = {"function_app.py", "functions", "host.json", "requirements.txt", "shared"}
    assert tops - {"LICENSE", ".funcignore"} == ours
    assert [name for name in names if name.endswith((".pyc", ".log", ".zip"))] == []
    assert package.stat().st_size < LARGEST * 1e6


@pytest.mark.timeout(600)  # installs what requirements.txt pins, from the registry when need be
def test_it_starts_with_what_it_brings(package: Path, clean: Path, tmp_path: Path) -> None:
    with zipfile.ZipFile(package) as archive:
        archive.extractall(tmp_path)
    # As the worker: the app's folder is the working folder; nothing of this process is inherited.
    begun = time.perf_counter()
    done = subprocess.run(
        [clean, "-c", _LOOK],
        cwd=tmp_path,
        env={"PATH": os.environ["PATH"]},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    seen: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    assert set(seen["functions"]) == DOORS
    assert Path(seen["place"]).parent.samefile(tmp_path)
    size = package.stat().st_size / 1e3
    sys.stdout.write(
        f"package {size:.0f} kB, import {seen['took']:.2f} s, with all adapters "
        f"{time.perf_counter() - begun:.2f} s\n"
    )
