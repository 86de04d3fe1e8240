"""The watch over 5,000 active runs: its calls and its CPU.

Blob Storage is Azurite and Batch its emulator, both behind the real SDKs and in a process of their
own; so the CPU is that of the watch alone. The runs are on a named compute: two work, all others
wait in Batch for a node.
"""

import asyncio
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from functools import partial
from multiprocessing import get_context
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, Final

from azure.batch import models as batch

from retrain.local.azurite import AzuriteServer, AzuriteSettings
from retrain.local.batch import BatchServer, BatchSettings
from shared.app.at_once import at_once
from shared.azure.batch_models import ATTEMPT, RUN, job_id, pool_id
from shared.azure.world import azure_ports
from shared.domain.keys import run_name
from shared.domain.run import Run
from shared.domain.status import Status
from shared.ports.files import CONTAINERS
from shared.settings import Settings
from shared.wiring import built, utc_now
from tests.bench.measured import Measured
from tests.factories import a_job, a_run
from tests.simulation.twins.bus import SimulatedBus

RUNS: Final = 5_000
COMPUTE: Final = "bench"
_TICKS: Final = 5


def measure(folder: Path, count: int = RUNS) -> Iterator[Measured]:
    here, there = get_context("spawn").Pipe()
    services = get_context("spawn").Process(target=_serve, args=(folder, there))
    services.start()
    try:
        addresses = here.recv()
        yield from _measured(here, addresses, count)
    finally:
        here.send("stop")
        services.join()


def _measured(services: Connection, addresses: dict[str, str], count: int) -> Iterator[Measured]:
    settings = Settings(servicebus="Endpoint=sb://127.0.0.1;SharedAccessKey=x", **addresses)
    bus = SimulatedBus()
    world = replace(azure_ports(settings, utc_now), bus=bus)  # it has nothing to say
    product = built(world)
    product.computes.create({"name": COMPUTE, "type": "amlcompute", "max_instances": 2})
    runs = [_waiting(number) for number in range(count)]
    at_once(runs, world.runs.create)
    at_once(runs, partial(_job, world.compute))
    product.watch.tick()
    cpu, calls = [], []
    for _ in range(_TICKS):
        before, began = _calls(services), time.process_time()
        product.watch.tick()
        cpu.append(time.process_time() - began)
        calls.append({name: number - before[name] for name, number in _calls(services).items()})
    assert not bus.messages, f"the watch had to say {bus.events()[:3]}"
    name = f"watch_over_{count}_runs"
    yield f"{name}_calls", max(sum(one.values()) for one in calls), "calls"
    yield f"{name}_cpu", sorted(cpu)[_TICKS // 2], "s"


def _waiting(number: int) -> Run:
    """A run on the compute, asked for within the last days."""
    at = utc_now() - timedelta(seconds=number * 60)
    job = a_job(compute=f"azureml:{COMPUTE}")
    run = a_run(Status.PROVISIONING, name=run_name(f"run {number}", at), job=job)
    return replace(run, created_at=at, heard_at=at)


def _job(compute: Any, run: Run) -> None:
    """The job of its attempt, without a task, since no node is to run one."""
    mine = [
        batch.BatchMetadataItem(name=RUN, value=run.name),
        batch.BatchMetadataItem(name=ATTEMPT, value=run.key),
    ]
    pool = batch.BatchPoolInfo(pool_id=pool_id(COMPUTE))
    options = batch.BatchJobCreateOptions(id=job_id(run.key), metadata=mine, pool_info=pool)
    compute.client.create_job(options)


def _calls(services: Connection) -> dict[str, int]:
    services.send("calls")
    counted: dict[str, int] = services.recv()
    return counted


def _serve(folder: Path, asked: Connection) -> None:
    """The services' own process: tells where they are, and their calls whenever it is asked."""
    asyncio.run(_served(folder, asked))


async def _served(folder: Path, asked: Connection) -> None:
    azurite = AzuriteServer(AzuriteSettings(folder / "blob", port=0))
    service = BatchServer(BatchSettings(data=folder / "batch"))
    await azurite.start()
    await service.start()
    try:
        for name in CONTAINERS:
            await azurite.reader.create(name)
        asked.send(
            {
                "storage": azurite.connection_string,
                "batch": service.endpoint,
                "batch_account": service.settings.account,
                "batch_key": service.settings.key,
            }
        )
        while await asyncio.to_thread(asked.recv) != "stop":
            await asyncio.sleep(0.2)  # Azurite's calls are counted from its log
            counts = {"blob": azurite.calls, "batch": service.calls}
            asked.send({name: sum(kinds.values()) for name, kinds in counts.items()})
    finally:
        await service.stop()
        await azurite.stop()
