"""200 no-op runs submitted together: runs a second, and what the stack spends on each."""

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psutil

from retrain.client import FINAL, Client
from tests.bench.latency import noop
from tests.bench.measured import Measured
from tests.flow.local_stack import LocalStack, job, running_stack

RUNS = 200


def measure(folder: Path) -> Iterator[Measured]:
    with running_stack(folder / "stack") as stack, stack.client() as client:
        noop(client)
        before = _spent(stack)
        began = time.perf_counter()
        with ThreadPoolExecutor(8) as pool:
            names = [run["name"] for run in pool.map(client.create_job, [job("true")] * RUNS)]
        peak = _until_over(client, set(names), stack)
        took = time.perf_counter() - began
        others = [run["name"] for run in client.list_jobs() if run["status"] != "Completed"]
        assert not others, [client.get_job(name)["error"] for name in others]
        yield "runs_per_second_200_together", RUNS / took, "1/s"
        yield "stack_cpu_per_run", (_spent(stack) - before) / RUNS, "s"
        yield "stack_memory_peak", peak / 2**20, "MiB"


def _until_over(client: Client, names: set[str], stack: LocalStack) -> float:
    """Wait for all to end; returns the stack's largest resident memory, in bytes."""
    peak = 0.0
    while True:
        peak = max(peak, sum(p.memory_info().rss for p in _servers(stack)))
        page = client.list_jobs(limit=RUNS + 1)
        if names <= {run["name"] for run in page if run["status"] in FINAL}:
            return peak
        time.sleep(0.5)


def _servers(stack: LocalStack) -> list[psutil.Process]:
    """The stack's process and Azurite's: what serves, not what trains."""
    assert stack.process is not None
    process = psutil.Process(stack.process.pid)
    return [process, *(c for c in process.children() if "azurite" in " ".join(c.cmdline()))]


def _spent(stack: LocalStack) -> float:
    """CPU seconds so far of all that serves."""
    return sum(sum(process.cpu_times()[:2]) for process in _servers(stack))
