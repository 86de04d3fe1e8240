"""How long the Functions worker waits for the app, and a user's Python for `import retrain`.

Both from byte code.
"""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from statistics import median

from tests.bench.measured import Measured

ROOT = Path(__file__).resolve().parents[2]
_IMPORT = """
import sys, time
began = time.perf_counter()
import function_app
took = time.perf_counter() - began
ml = {"numpy", "pandas", "sklearn", "torch"} & set(sys.modules)
print(took, len(ml))
"""
_PACKAGE = """
import time
began = time.perf_counter()
import retrain
bare = time.perf_counter() - began
from retrain import Client, Environment, command
print(bare, time.perf_counter() - began)
"""


def measure(folder: Path) -> Iterator[Measured]:
    # Byte code in a folder of its own: the first run writes it, the others are measured.
    command = [sys.executable, "-X", f"pycache_prefix={folder}", "-c", _IMPORT]
    environment = {"PYTHONPATH": str(ROOT), "PYTHONDONTWRITEBYTECODE": ""}
    seconds, libraries = [], 0
    for _ in range(6):
        done = subprocess.run(
            command, capture_output=True, text=True, check=True, env=environment, cwd=ROOT
        )
        took, found = done.stdout.split()
        seconds.append(float(took))
        libraries += int(found)
    yield "import_function_app", median(seconds[1:]), "s"
    yield "training_libraries_imported", libraries, "count"
    package = [*command[:-1], _PACKAGE]
    told = []
    for _ in range(6):
        done = subprocess.run(
            package, capture_output=True, text=True, check=True, env=environment, cwd=ROOT
        )
        told.append([float(word) for word in done.stdout.split()])
    yield "import_retrain", median(bare for bare, _ in told[1:]), "s"
    yield "import_retrain_client", median(client for _, client in told[1:]), "s"
