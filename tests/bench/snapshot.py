"""A snapshot of a large code folder beside `zip -r -1` of the same files: time, and memory.

The tree: 5,000 files of 4 KB and one of 200 MB, half of them ignored. What the large file holds
decides nearly everything, so it is measured twice: as text that shrinks and as noise that doesn't.
"""

import random
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from statistics import median

from tests.bench.measured import Measured

SMALL, SMALL_SIZE, LARGE_SIZE = 5_000, 4 << 10, 200_000_000
ROUNDS = 3
_TAKE = """
import sys, time
from pathlib import Path
from retrain.snapshot import Limits, take_snapshot
began = time.perf_counter()
with take_snapshot(Path(sys.argv[1]), Limits(400_000_000, 10_000)) as snapshot:
    took = time.perf_counter() - began
    # Not getrusage's: that begins at the peak of the process that started this one.
    peak = Path("/proc/self/status").read_text().split("VmHWM:")[1].split()[0]
    print(took, peak, snapshot.size, snapshot.files)
"""


def measure(folder: Path) -> Iterator[Measured]:
    tree = folder / "tree"
    _plant(tree)
    yield from _compared(tree, folder, "text")
    noise = random.Random(2)
    with (tree / "large.bin").open("wb") as file:
        for _ in range(LARGE_SIZE // 1_000_000):
            file.write(noise.randbytes(1_000_000))
    yield from _compared(tree, folder, "noise")


def _compared(tree: Path, folder: Path, kind: str) -> Iterator[Measured]:
    ours, theirs, memory, size = [], [], 0.0, 0.0
    for _ in range(ROUNDS):  # in turns, so that a busy machine is busy for both
        took, peak, size, files = _take(tree)
        assert files == SMALL // 2 + 2
        ours.append(took)
        memory = max(memory, peak / 1024)
        theirs += _zip(tree, folder)
    yield f"snapshot_{kind}", median(ours), "s"
    yield f"snapshot_{kind}_memory", memory, "MiB"
    yield f"snapshot_{kind}_size", size / 1e6, "MB"
    if theirs:
        yield f"zip_1_{kind}", median(theirs), "s"
        yield f"snapshot_{kind}_to_zip", median(ours) / median(theirs), "ratio"


def _take(tree: Path) -> tuple[float, ...]:
    done = subprocess.run(
        [sys.executable, "-c", _TAKE, str(tree)], check=True, capture_output=True, text=True
    )
    return tuple(float(word) for word in done.stdout.split())


def _zip(tree: Path, folder: Path) -> list[float]:
    if shutil.which("zip") is None:
        return []
    target = folder / "theirs.zip"
    target.unlink(missing_ok=True)
    words = ["zip", "-q", "-r", "-1", str(target), ".", "-x", "ignored/*"]
    began = time.perf_counter()
    subprocess.run(words, check=True, cwd=tree)
    return [time.perf_counter() - began]


def _plant(tree: Path) -> None:
    dice = random.Random(1)
    for number in range(SMALL):
        place = tree / ("ignored" if number % 2 else "package") / f"part{number % 50}"
        place.mkdir(parents=True, exist_ok=True)
        words = " ".join(f"value_{dice.randrange(1000)} = {dice.random()}" for _ in range(200))
        (place / f"module{number}.py").write_text(words[:SMALL_SIZE])
    (tree / ".amlignore").write_text("ignored/\n")
    with (tree / "large.bin").open("w") as file:
        line = [
            f"{dice.randrange(10**6)},{dice.random():.6f},{dice.choice('abc')}\n"
            for _ in range(1000)
        ]
        written = 0
        while written < LARGE_SIZE:
            dice.shuffle(line)
            written += file.write("".join(line))
