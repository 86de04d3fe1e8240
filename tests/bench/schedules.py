"""Ten thousand schedules: what a minute's tick costs, and a file that lands.

Blob Storage is Azurite behind the real SDK; calls are those of ports, of which a list is one for
each 5,000 names. CPU is this process's own.
"""

import asyncio
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from threading import Thread
from typing import Any

from azure.storage.blob import BlobServiceClient

from retrain.local.azurite import AzuriteServer, AzuriteSettings
from shared.app.agenda import Due
from shared.app.at_once import at_once
from shared.app.schedules import KIND, Kept
from shared.azure.blob_files import BlobFiles
from shared.azure.blob_registry import BlobRegistry
from shared.jobs import parse_schedule
from shared.ports.files import CONTAINERS, DATA
from shared.ports.world import Ports
from shared.wiring import Product, built
from tests.bench.measured import Measured
from tests.factories import NOON, a_schedule
from tests.simulation.faults import Faults
from tests.simulation.luck import Luck
from tests.simulation.twins.world import Twins

SCHEDULES = 10_000
TICKS = 5


def measure(folder: Path) -> Iterator[Measured]:
    loop = asyncio.new_event_loop()
    thread = Thread(target=loop.run_forever)
    thread.start()
    server = AzuriteServer(AzuriteSettings(folder, port=0))
    asyncio.run_coroutine_threadsafe(server.start(), loop).result(60)
    try:
        with BlobServiceClient.from_connection_string(server.connection_string) as client:
            for name in CONTAINERS:
                client.create_container(name)
            yield from _measured(client)
    finally:
        asyncio.run_coroutine_threadsafe(server.stop(), loop).result(60)
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


def _measured(client: BlobServiceClient) -> Iterator[Measured]:
    twins = Twins()
    world = replace(twins.ports, registry=BlobRegistry(client), files=BlobFiles(client))
    yield from _clock(twins, world)
    yield from _files(world)


def _clock(twins: Twins, world: Ports) -> Iterator[Measured]:
    product, counted, faults = _products(world)
    yearly = {"type": "cron", "expression": "0 3 1 1 *"}
    kept = [_kept(f"clock-{number}", yearly) for number in range(SCHEDULES)]
    at_once(kept, lambda one: world.registry.put(KIND, one.name, one.record()))
    at_once(kept, lambda one: product.schedules.index(one, one.schedule, NOON))
    began, cpu_before = time.perf_counter(), time.process_time()
    product.timetable.tick()  # the first one reads them all
    yield "first_tick_of_10000", time.perf_counter() - began, "s"
    twins.clock.pass_by(86_400)
    began, cpu_before = time.perf_counter(), time.process_time()
    product.timetable.tick()
    yield "daily_comparison_of_10000", time.perf_counter() - began, "s"
    yield "daily_comparison_of_10000_cpu", time.process_time() - cpu_before, "s"
    cpu, calls = [], []
    for _ in range(TICKS):
        twins.clock.pass_by(60)
        faults.calls, began = 0, time.process_time()
        counted.timetable.tick()
        cpu.append(time.process_time() - began)
        calls.append(faults.calls)
    yield "tick_of_10000_schedules_cpu", max(cpu), "s"
    yield "tick_of_10000_schedules_calls", max(calls), "calls"
    minutely = _kept("clock-0", {"type": "cron", "expression": "* * * * *"})
    world.registry.put(KIND, minutely.name, minutely.record())
    product.schedules.agenda.add(Due(twins.clock.now, minutely.name, "bench"))
    faults.calls = 0
    counted.timetable.tick()
    yield "calls_of_one_that_is_due", faults.calls - max(calls), "calls"


def _files(world: Ports) -> Iterator[Measured]:
    product, counted, faults = _products(world)
    kept = [
        _kept(f"data-{number}", {"type": "data", "path": f"team-{number % 500}/{number}/*.csv"})
        for number in range(SCHEDULES)
    ]
    at_once(kept, lambda one: world.registry.put(KIND, one.name, one.record()))
    product.schedules.watched.rebuild([one.schedule for one in kept], NOON)
    for name, number in (("first", 1234), ("next", 1234), ("other", 4321)):
        path = f"team-{number % 500}/{number}/{name}.csv"
        world.files.write(DATA, path, name.encode())
        faults.calls, began, cpu = 0, time.perf_counter(), time.process_time()
        assert len(counted.file_triggers.landed(path)) == 1
        yield f"landed_among_10000_{name}", time.perf_counter() - began, "s"
        yield f"landed_among_10000_{name}_cpu", time.process_time() - cpu, "s"
        yield f"landed_among_10000_{name}_calls", faults.calls, "calls"


def _products(world: Ports) -> tuple[Product, Product, Faults]:
    """One as it is, and one whose calls of ports are counted."""
    faults = Faults(Luck(0), rate=0, stalls=0)
    faulty: Callable[[Ports], Ports] = faults.around
    return built(world), built(faulty(world)), faults


def _kept(name: str, trigger: dict[str, Any]) -> Kept:
    return Kept(parse_schedule(a_schedule(trigger, name)), NOON, NOON)
