"""`make demo` when everything is installed and nothing runs yet, from the command to its exit."""

import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from tests.bench.measured import Measured


def measure(folder: Path) -> Iterator[Measured]:
    command = [sys.executable, "-m", "retrain", "demo"]
    began = time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    yield "demo_whole", time.perf_counter() - began, "s"
