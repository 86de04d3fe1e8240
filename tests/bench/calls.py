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


def measure(folder: Path) -> Iterator[Measured]:
    ports = Ports(api=0, blob=0, servicebus=0, batch=0, images=0)
    options = StackOptions(data=folder, ports=ports, engine="none", watch=NEVER)
    for service, count in asyncio.run(_counted(options)).items():
        yield f"calls_per_run_{service}", count / RUNS, "calls"


async def _counted(options: StackOptions) -> dict[str, int]:
    async with running(options) as stack:
        await _run(stack, 1)
        before = _totals(stack)
        await _run(stack, RUNS)
        return {service: count - before[service] for service, count in _totals(stack).items()}


async def _run(stack: Stack, count: int) -> None:
    """Ask for so many runs and wait, unseen, until the stack has been silent for a second."""

    def ask() -> None:
        with Client(stack.addresses["api"], stack.addresses["key"]) as client:
            for _ in range(count):
                client.create_job(job("true"))

    await asyncio.to_thread(ask)
    calls: dict[str, int] = {}
    while calls != (calls := _totals(stack)):
        await asyncio.sleep(1.5)


def _totals(stack: Stack) -> dict[str, int]:
    return {service: sum(kinds.values()) for service, kinds in stack.calls.items()}
