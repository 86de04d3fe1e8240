"""How long the Functions worker waits for the app: the import of `function_app`, from byte code."""

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
