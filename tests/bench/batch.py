"""The Batch emulator alone, in a process of its own, under the SDK's client."""

import subprocess
import sys
import time
from collections.abc import Iterator
from itertools import count
from pathlib import Path
from statistics import median

from azure.batch import BatchClient
from azure.batch import models as batch
from azure.core.credentials import AzureNamedKeyCredential

from tests.bench.measured import Measured

ROUNDS = 5
FEW, MANY = 2_000, 10_000
STARTS = 25
_MACHINE = batch.VirtualMachineConfiguration(
    image_reference=batch.BatchVmImageReference(publisher="p", offer="o", sku="s"),
    node_agent_sku_id="batch.node.ubuntu 22.04",
)
_jobs = count(1)


def measure(folder: Path) -> Iterator[Measured]:
    words = ["--port", "0", "--engine", "none", "--data", str(folder / "data")]
    process = subprocess.Popen(
        [sys.executable, "-m", "retrain.local.batch", *words], stdout=subprocess.PIPE, text=True
    )
    try:
        assert process.stdout is not None
        endpoint, account, key = (process.stdout.readline().split()[1] for _ in range(3))
        with BatchClient(endpoint, AzureNamedKeyCredential(account, key)) as client:
            yield from _starts(client, folder)
            yield from _many(client)
    finally:
        process.terminate()
        process.communicate()


def _starts(client: BatchClient, folder: Path) -> Iterator[Measured]:
    """From the call that creates the job to the first thing its task does, on a warm pool."""
    _pool(client, "warm", nodes=1)
    _start(client, folder / "0")  # makes the environment that all share
    seconds = [_start(client, folder / str(number)) for number in range(1, ROUNDS * STARTS)]
    yield "batch_job_and_task_to_process_p50", median(seconds) * 1000, "ms"


def _start(client: BatchClient, trace: Path) -> float:
    job = f"start-{next(_jobs)}"
    task = batch.BatchTaskCreateOptions(id="t", command_line=f"/bin/sh -c 'echo > {trace}'")
    began = time.perf_counter()
    _job(client, job, "warm")
    client.create_task(job, task)
    while not trace.exists():
        time.sleep(0.0005)
    seconds = time.perf_counter() - began
    client._delete_job_internal(job)
    return seconds


def _many(client: BatchClient) -> Iterator[Measured]:
    """Tasks that wait: added in bulk as users do it, and listed."""
    _pool(client, "none", nodes=0)
    adding, few, many = [], [], []
    pages = 0
    for _ in range(ROUNDS):
        adding.append(_add(client, MANY, f"many-{next(_jobs)}"))
        job = f"many-{next(_jobs)}"
        _add(client, FEW, job)
        seconds, pages = _listing(client, job)
        few.append(seconds / FEW)
        _add(client, MANY - FEW, job, first=FEW, new=False)
        many.append(_listing(client, job)[0] / MANY)
    yield "batch_10000_tasks_added", median(adding), "s"
    yield "batch_2000_tasks_listed", median(few) * FEW, "s"
    yield "batch_2000_tasks_pages", pages, "pages"
    yield "batch_list_cost_a_task_10000_to_2000", median(many) / median(few), "ratio"


def _add(client: BatchClient, number: int, job: str, *, first: int = 0, new: bool = True) -> float:
    if new:
        _job(client, job, "none")
    tasks = [
        batch.BatchTaskCreateOptions(id=f"task-{first + each}", command_line="/bin/true")
        for each in range(number)
    ]
    began = time.perf_counter()
    client.create_tasks(job, tasks)
    return time.perf_counter() - began


def _listing(client: BatchClient, job: str) -> tuple[float, int]:
    began = time.perf_counter()
    pages = sum(1 for page in client.list_tasks(job).by_page() if list(page))
    return time.perf_counter() - began, pages


def _job(client: BatchClient, job: str, pool: str) -> None:
    info = batch.BatchPoolInfo(pool_id=pool)
    client.create_job(batch.BatchJobCreateOptions(id=job, pool_info=info))


def _pool(client: BatchClient, name: str, nodes: int) -> None:
    client.create_pool(
        batch.BatchPoolCreateOptions(
            id=name,
            vm_size="standard_d2s_v3",
            target_dedicated_nodes=nodes,
            virtual_machine_configuration=_MACHINE,
        )
    )
