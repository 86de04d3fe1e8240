"""An emulator that is killed leaves nothing: at once where it can, at the next start where not."""

import os
import signal
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

import psutil
import pytest

from tests.contract.batch.node.conftest import Stage, eventually, living

ROOT = Path(__file__).parents[4]
#: A life of the emulator: runs one command line on a node until it is killed.
LIFE = """
import asyncio, sys
from pathlib import Path
from retrain.local.batch.execution import Execution
from retrain.local.batch.node import LocalNode

async def live(folder, command_line):
    node = LocalNode(None, folder / "environments", folder / "log")
    await node.reap()
    root = folder / "life"
    nothing = {"image": None, "container_run_options": "", "wall_clock_seconds": None}
    await node.run(
        Execution("task", root, root / "task", command_line, {}, resource_files=(),
                  output_files=(), **nothing),
        lambda: print("started", flush=True),
    )

asyncio.run(live(Path(sys.argv[1]), sys.argv[2]))
"""

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="needs Linux's child subreapers")


@pytest.fixture
def mark() -> str:
    return str(1_000_000 + uuid4().int % 1_000_000)


@contextmanager
def a_life(folder: Path, mark: str) -> Iterator[psutil.Process]:
    """An emulator in a process of its own, whose task and daemon sleep for `mark` seconds."""
    command_line = f"sh -c 'setsid sleep {mark} & env -i setsid sleep {mark} & sleep {mark}'"
    with subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(LIFE), str(folder), command_line],
        cwd=ROOT,
        stdout=subprocess.PIPE,
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"started\n"
        eventually(lambda: len(living(mark)) == 3, "the task didn't begin")
        try:
            yield psutil.Process(process.pid)
        finally:
            process.kill()


def test_a_killed_emulator_takes_its_tasks_along(tmp_path: Path, mark: str) -> None:
    with a_life(tmp_path, mark) as life:
        warden = life.children()[0]
        life.send_signal(signal.SIGKILL)
        eventually(lambda: living(mark) == [], "the task outlived its emulator")
        eventually(lambda: not warden.is_running(), "the warden outlived its emulator")


def end_at_once(life: psutil.Process) -> None:
    """Kill the emulator, its warden and its guards at one moment: none can act for the others."""
    warden = life.children()[0]
    for process in (keepers := [*warden.children(), warden, life]):
        process.suspend()
    for process in keepers:
        process.kill()


def test_the_next_life_ends_what_even_the_guards_could_not(
    stage: Stage, tmp_path: Path, mark: str
) -> None:
    with a_life(tmp_path, mark) as life:
        end_at_once(life)
    assert len(living(mark)) == 3
    nameless = [pid for pid in living(mark) if psutil.Process(pid).environ() == {}]
    stage.wait(stage.node.reap())
    assert living(mark) == nameless  # without guard and environment nothing ties it to us
    for pid in nameless:
        os.kill(pid, signal.SIGKILL)
    assert "of an earlier life" in (tmp_path / "log" / "node.log").read_text()
    assert stage.run("true").succeeded


def test_another_stacks_tasks_are_left_alone(stage: Stage, tmp_path: Path, mark: str) -> None:
    with a_life(tmp_path / "other", mark):
        stage.wait(stage.node.reap())
        assert len(living(mark)) == 3
    eventually(lambda: living(mark) == [], "the other stack's task outlived it")


def test_a_reap_with_nothing_to_do_spares_the_warden(stage: Stage) -> None:
    stage.wait(stage.node.reap())
    warden = psutil.Process().children()
    stage.wait(stage.node.reap())
    assert psutil.Process().children() == warden
    assert stage.run("true").succeeded
