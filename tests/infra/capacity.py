"""What a number of runs a day comes to: calls, executions, money. `python -m tests.infra.capacity`
prints the tables of docs/operations.md.

Calls of a run are those that `make bench` counts. Prices are rounded list prices of East US in USD,
taken from Microsoft's public price pages as they stood in 2025: they say what matters, not what the
bill will be.
"""

import sys
from dataclasses import dataclass
from typing import Final

DAY: Final = 86_400
MONTH: Final = 30  # days
#: Calls of a run, as `make bench` counts them on the local stack.
BLOB, BUS, BATCH = 13, 13, 5
#: Of the Blob calls those that write.
WRITES: Final = 8
#: Function executions of a run: the request, its admission, five events, the marker.
EXECUTIONS: Final = 8
#: Executions that happen anyway: two timers, every minute.
TICKS: Final = 2 * 60 * 24
#: Flex Consumption counts a second at least, here of 2 GB.
GB_SECONDS: Final = 2.0
#: Calls of a tick of the watch and of the schedules' timer, on average.
TICK_CALLS: Final = 14


@dataclass(frozen=True, slots=True)
class Prices:
    """USD: a GB-second and a million executions of Flex Consumption beyond what is free each month;
    ten thousand writes and reads of zone-redundant Blob Storage; a million Service Bus operations
    beyond what the base price includes; a node-hour of Standard_D2s_v3."""

    gb_second: float = 0.000026
    free_gb_seconds: int = 100_000
    million_executions: float = 0.40
    free_executions: int = 250_000
    writes: float = 0.0625
    reads: float = 0.005
    million_bus: float = 0.80
    free_bus: int = 12_500_000
    bus_base: float = 10.0
    registry: float = 20.0
    node_hour: float = 0.096


PRICES: Final = Prices()


@dataclass(frozen=True, slots=True)
class Load:
    """runs: a day.  minutes: on a node, from allocation to release."""

    runs: int
    minutes: float = 15

    @property
    def at_once(self) -> float:
        """Runs on compute at a time, on average."""
        return self.runs * self.minutes * 60 / DAY

    @property
    def executions(self) -> int:
        return self.runs * EXECUTIONS + TICKS

    @property
    def functions(self) -> float:
        """USD a month."""
        gb_seconds = max(0.0, self.executions * MONTH * GB_SECONDS - PRICES.free_gb_seconds)
        paid = max(0, self.executions * MONTH - PRICES.free_executions)
        return gb_seconds * PRICES.gb_second + paid / 1e6 * PRICES.million_executions

    @property
    def blobs(self) -> float:
        """USD a month for calls; what is stored comes on top."""
        writes = self.runs * WRITES * MONTH
        reads = (self.runs * (BLOB - WRITES) + TICKS * TICK_CALLS / 2) * MONTH
        return writes / 1e4 * PRICES.writes + reads / 1e4 * PRICES.reads

    @property
    def bus(self) -> float:
        """USD a month, the base price included."""
        paid = max(0, self.runs * BUS * MONTH - PRICES.free_bus)
        return PRICES.bus_base + paid / 1e6 * PRICES.million_bus

    @property
    def nodes(self) -> float:
        """USD a month."""
        return self.runs * MONTH * self.minutes / 60 * PRICES.node_hour


def capacity() -> str:
    """The table of loads."""
    rows = [
        "| runs a day | at once | messages/s | Blob calls/s | Batch calls/s | executions a day |",
        "|--:|--:|--:|--:|--:|--:|",
    ]
    for load in (Load(1), Load(1_000), Load(100_000)):
        a_second = load.runs / DAY
        rows.append(
            f"| {load.runs:,} | {load.at_once:,.2f} | {a_second * BUS:.3f} | {a_second * BLOB:.3f} "
            f"| {a_second * BATCH:.3f} | {load.executions:,} |"
        )
    return "\n".join(rows)


def costs() -> str:
    """The table of costs a month."""
    rows = [
        "| runs a day | Functions | Blob calls | Service Bus | registry | nodes |",
        "|--:|--:|--:|--:|--:|--:|",
    ]
    rows += [
        f"| {load.runs:,} | ${load.functions:,.2f} | ${load.blobs:,.2f} | ${load.bus:,.2f} "
        f"| ${PRICES.registry:,.2f} | ${load.nodes:,.2f} |"
        for load in (Load(0), Load(1), Load(1_000), Load(100_000))
    ]
    return "\n".join(rows)


if __name__ == "__main__":
    sys.stdout.write(f"{capacity()}\n\n{costs()}\n")
