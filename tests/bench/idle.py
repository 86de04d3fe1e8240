"""What a stack costs that nobody uses: processor time of all its processes, over a minute."""

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import psutil

from tests.bench.measured import Measured
from tests.flow.local_stack import LocalStack

#: Starting leaves work behind: imports, the first listings, Azurite's first save.
SETTLED_SECONDS: Final = 15.0
SECONDS: Final = 60.0


def measure(folder: Path) -> Iterator[Measured]:
    """The whole and its parts, each in percent of one core."""
    for name, words in (("idle_cpu", ()), ("idle_cpu_watching", ("--watch",))):
        stack = LocalStack(data=folder / name)
        stack.start(*words)
        try:
            assert stack.process is not None
            yield from _shares(name, psutil.Process(stack.process.pid))
        finally:
            stack.stop()


def _shares(name: str, stack: psutil.Process) -> Iterator[Measured]:
    time.sleep(SETTLED_SECONDS)
    children = stack.children(recursive=True)
    began, before, children_before = time.monotonic(), _spent(stack), sum(map(_spent, children))
    time.sleep(SECONDS)
    share = 100 / (time.monotonic() - began)
    own = (_spent(stack) - before) * share
    azurite = (sum(map(_spent, children)) - children_before) * share
    yield name, own + azurite, "% of a core"
    yield f"{name}_azurite", azurite, "% of a core"


def _spent(process: psutil.Process) -> float:
    """Seconds of processor time up to now."""
    times = process.cpu_times()
    return times.user + times.system
