"""Operations that one run costs, as the emulators counted them.

The watch is out of the way, and nobody looks on: a client that follows a run costs calls too.
"""

import asyncio
from collections.abc import Iterator
from pathlib import Path

from retrain.client import Client
from retrain.local.stack import Ports, Stack, StackOptions, running
from tests.bench.measured import Measured
from tests.flow.local_stack import job

RUNS = 10
NEVER = "0 0 0 1 1 *"
COMPUTE = "bench"


def measure(folder: Path) -> Iterator[Measured]:
    ports = Ports(api=0, blob=0, servicebus=0, batch=0, images=0)
    options = StackOptions(data=folder, ports=ports, engine="none", watch=NEVER)
    for name, count in asyncio.run(_counted(options)).items():
        yield f"calls_per_run_{name}", count / RUNS, "calls"


async def _counted(options: StackOptions) -> dict[str, int]:
    """By service; of runs on nodes of their own, and on those of a named compute."""
    compute = {"name": COMPUTE, "type": "amlcompute", "min_instances": RUNS, "max_instances": RUNS}
    async with running(options) as stack:
        own = await _calls(stack)
        await asyncio.to_thread(lambda: _client(stack).create_compute(compute))
        shared = await _calls(stack, compute=COMPUTE)
    return own | {f"{service}_named_compute": count for service, count in shared.items()}


async def _calls(stack: Stack, **fields: str) -> dict[str, int]:
    await _run(stack, 1, fields)
    before = _totals(stack)
    await _run(stack, RUNS, fields)
    return {service: count - before[service] for service, count in _totals(stack).items()}


def _client(stack: Stack) -> Client:
    return Client(stack.addresses["api"], stack.addresses["key"])


async def _run(stack: Stack, count: int, fields: dict[str, str]) -> None:
    """Ask for so many runs and wait, unseen, until the stack has been silent for a second."""

    def ask() -> None:
        with _client(stack) as client:
            for _ in range(count):
                client.create_job(job("true", **fields))

    await asyncio.to_thread(ask)
    calls: dict[str, int] = {}
    while calls != (calls := _totals(stack)):
        await asyncio.sleep(1.5)


def _totals(stack: Stack) -> dict[str, int]:
    return {service: sum(kinds.values()) for service, kinds in stack.calls.items()}
