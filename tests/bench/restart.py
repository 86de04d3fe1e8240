"""Everything is killed while 1,000 runs are active: how long until the stack serves again.

The runs are on a named compute of one node: one works, the others wait in Batch, each with its
record, its job and its task.
"""

import os
import signal
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Final

import psutil

from retrain.client import Client
from shared.app.at_once import at_once
from shared.app.orders import order_for
from shared.azure.world import azure_ports
from shared.domain.keys import run_name
from shared.domain.run import Run
from shared.domain.status import Status
from shared.ports.world import Ports
from shared.settings import Settings
from shared.wiring import utc_now
from tests.bench.measured import Measured
from tests.factories import a_job, a_run
from tests.flow.local_stack import LocalStack, ended, eventually, job, running_stack

RUNS: Final = 1_000
COMPUTE: Final = "bench"
_SERVICES: Final = {"storage": "blob", "batch": "batch", "servicebus": "servicebus"}


def measure(folder: Path, count: int = RUNS) -> Iterator[Measured]:
    with running_stack(folder / "stack") as stack:
        with stack.client() as client:
            client.create_compute({"name": COMPUTE, "type": "amlcompute", "max_instances": 1})
            _fill(stack, count)
            assert eventually(lambda: client.get_compute(COMPUTE)["nodes"]["running"] == 1)
        _kill_all(stack)
        began = time.perf_counter()
        stack.start()
        ready, cpu = time.perf_counter() - began, _cpu(stack)
        with stack.client() as client:
            assert len(list(client.list_jobs(limit=count))) == count
            listed = time.perf_counter() - began
            run = client.create_job(job("true"))
            assert ended(client, run["name"])["status"] == "Completed"
            worked = time.perf_counter() - began
            yield f"restart_with_{count}_runs_ready", ready, "s"
            yield f"restart_with_{count}_runs_ready_cpu", cpu, "s"
            yield f"restart_with_{count}_runs_listed", listed, "s"
            yield f"restart_with_{count}_runs_another_completed", worked, "s"
            _drain(client)


def _fill(stack: LocalStack, count: int) -> None:
    """So many runs, as if their first events had just been handled."""
    given = {name: stack.addresses[service] for name, service in _SERVICES.items()}
    keys = {name: stack.addresses[name] for name in ("batch_account", "batch_key")}
    world = azure_ports(Settings(**given, **keys), utc_now)
    runs = [_placed(number) for number in range(count)]
    at_once(runs, partial(_place, world))


def _placed(number: int) -> Run:
    at = utc_now() - timedelta(seconds=number)
    work = a_job(command="sleep 3600", compute=f"azureml:{COMPUTE}")
    run = a_run(Status.PROVISIONING, name=run_name(f"run {number}", at), job=work)
    return replace(run, created_at=at, heard_at=utc_now())


def _place(world: Ports, run: Run) -> None:
    world.runs.create(run)
    world.compute.provision(order_for(run))


def _kill_all(stack: LocalStack) -> None:
    """The stack, Azurite, and whatever works for a run: nothing of it gets to clean up."""
    processes = stack.processes()
    for process in processes:
        with suppress(psutil.Error):
            os.kill(process.pid, signal.SIGKILL)
    assert stack.process is not None
    stack.process.communicate()
    stack.process = None
    psutil.wait_procs(processes)


def _cpu(stack: LocalStack) -> float:
    """Seconds that the stack's process has worked, without Azurite, its child."""
    assert stack.process is not None
    times = psutil.Process(stack.process.pid).cpu_times()
    return float(times.user + times.system)


def _drain(client: Client) -> None:
    while any(client.drain_compute("the benchmark")[kind] for kind in ("runs", "jobs", "pools")):
        time.sleep(1)
