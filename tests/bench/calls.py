"""Operations that one run costs, as the emulators counted them, with the watch out of the way."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

from retrain.client import Client
from retrain.local.stack import Ports, Stack, StackOptions, running
from tests.bench.measured import Measured
from tests.flow.local_stack import ended, job

RUNS = 10
NEVER = "0 0 0 1 1 *"


def measure(folder: Path) -> Iterator[Measured]:
    ports = Ports(api=0, blob=0, servicebus=0, batch=0, images=0)
    options = StackOptions(data=folder, ports=ports, engine="none", watch=NEVER)
    for service, count in asyncio.run(_counted(options)).items():
        yield f"calls_per_run_{service}", count / RUNS, "calls"


async def _counted(options: StackOptions) -> dict[str, int]:
    async with running(options) as stack:
        await asyncio.to_thread(_run, stack, 1)
        before = _totals(stack)
        await asyncio.to_thread(_run, stack, RUNS)
        return {service: count - before[service] for service, count in _totals(stack).items()}


def _run(stack: Stack, count: int) -> None:
    """Each run is asked for and listed until it is over, which reads records, not services."""
    with Client(stack.addresses["api"], stack.addresses["key"]) as client:
        for _ in range(count):
            ended(client, client.create_job(job("true"))["name"])


def _totals(stack: Stack) -> dict[str, int]:
    return {service: sum(kinds.values()) for service, kinds in stack.calls.items()}
