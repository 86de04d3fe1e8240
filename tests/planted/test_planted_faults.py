"""The simulation finds faults: each of these patches, put into a copy of the product, breaks a
promise under one of so many seeds.

A patch's first line says what it breaks. One that no longer applies, since the code has moved on,
fails by its name: make its change by hand in the present code, and write `git diff -U1` below that
first line. Not beside the other tests of the simulation, since all of them take a minute and a half
of CPU.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Final

import pytest

ROOT: Final = Path(__file__).parents[2]
PATCHES: Final = sorted((ROOT / "tests/simulation/planted").glob("*.patch"))
SEEDS: Final = 400
HUNT: Final = (sys.executable, "-m", "tests.simulation.soak", "--hunt")
_COPIED: Final = ("shared", "tests/simulation")
_FOUND: Final = 3


def test_there_are_at_least_twenty() -> None:
    assert len(PATCHES) >= 20


@pytest.mark.timeout(900)  # a machine that does much else at once
@pytest.mark.parametrize("patch", PATCHES, ids=lambda patch: patch.stem)
def test_a_planted_fault_is_found(patch: Path, tmp_path: Path) -> None:
    for folder in _COPIED:
        shutil.copytree(ROOT / folder, tmp_path / folder)
    shutil.copy(ROOT / "tests/factories.py", tmp_path / "tests")
    _apply(patch, tmp_path)
    found = subprocess.run(
        [*HUNT, "--seed", "0", "--seeds", str(SEEDS), "--minutes", "14"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    told = found.stdout[-2000:] + found.stderr[-2000:]
    assert found.returncode == _FOUND, f"{_what(patch)} No seed of {SEEDS} told:\n{told}"


def _apply(patch: Path, folder: Path) -> None:
    done = subprocess.run(
        ["git", "apply", "-p1", str(patch)],
        cwd=folder,
        env={**os.environ, "GIT_CEILING_DIRECTORIES": str(folder.parent)},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        pytest.fail(f"{patch.name} no longer applies: {_what(patch)}\n{done.stderr}", pytrace=False)


def _what(patch: Path) -> str:
    return patch.read_text().partition("\n")[0]
