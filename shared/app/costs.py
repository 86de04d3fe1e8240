"""What runs cost: the seconds their nodes were taken, times what such nodes cost."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from shared.app.computes import Computes
from shared.app.orders import tier_of
from shared.app.prices import Prices
from shared.domain.errors import RetrainError
from shared.domain.run import Run
from shared.domain.status import Status
from shared.domain.usage import Nodes, Usage
from shared.jobs import AmlCompute, named_compute

_ON_COMPUTE: Final = (
    Status.PROVISIONING,
    Status.PREPARING,
    Status.RUNNING,
    Status.FINALIZING,
    Status.CANCEL_REQUESTED,
)


@dataclass(frozen=True, slots=True)
class Place:
    """Where this deployment's nodes are. vm_size: of those for which nobody asked for one."""

    vm_size: str = ""
    region: str = ""
    local: bool = False


NOWHERE: Final = Place()


@dataclass(frozen=True, slots=True)
class NodesOf:
    """Which nodes a run's attempts get."""

    computes: Computes
    place: Place

    def __call__(self, run: Run) -> Nodes:
        """Never fails: what can't be told is left empty, and costs an unknown amount."""
        job, place = run.job, self.place
        key, tier, size = named_compute(job.compute), tier_of(job), job.resources.instance_type
        if key is not None:
            compute = self._compute(key)
            size = compute.size if compute else ""
            tier = compute.tier if compute else tier
        return Nodes(
            vm_size=place.vm_size if size is None else size,
            count=job.resources.instance_count,
            tier=tier,
            compute=key,
            region=place.region,
            local=place.local,
        )

    def _compute(self, key: str) -> AmlCompute | None:
        try:
            return self.computes.remembered(key)
        except RetrainError:
            return None


@dataclass(frozen=True, slots=True)
class Billed:
    """An attempt's part. hourly, amount: None when no price is known.  region: the price's."""

    usage: Usage
    hourly: float | None
    amount: float | None
    region: str


@dataclass(frozen=True, slots=True)
class Cost:
    """A run's. so_far: there may be more of it.  prices: None when there is no table."""

    billed: tuple[Billed, ...]
    so_far: bool
    prices: Prices | None

    @property
    def amount(self) -> float | None:
        """None when the price of one attempt's nodes is unknown."""
        known = [one.amount for one in self.billed if one.amount is not None]
        return sum(known) if len(known) == len(self.billed) else None

    @property
    def local(self) -> bool:
        return bool(self.billed) and all(one.usage.nodes.local for one in self.billed)


@dataclass(frozen=True, slots=True)
class Costs:
    """prices: reads the table; None when it can't be read."""

    nodes_of: NodesOf
    prices: Callable[[], Prices | None]
    now: Callable[[], datetime]

    def of(self, run: Run) -> Cost:
        """What it cost; of a run on compute, what it costs until now."""
        usages = [*run.usages]
        noted = any(one.attempt == run.attempt for one in usages)
        if run.attempt and run.status in _ON_COMPUTE and not noted:
            usages.append(run.usage(self.nodes_of(run), self.now()))
        prices = self.prices() if usages else None
        billed = tuple(_billed(usage, prices) for usage in usages)
        return Cost(billed, so_far=not run.final, prices=prices)


def _billed(usage: Usage, prices: Prices | None) -> Billed:
    nodes = usage.nodes
    if nodes.local:
        return Billed(usage, 0.0, 0.0, "")
    if prices is None:
        return Billed(usage, None, None, "")
    hourly, region = prices.of(nodes)
    amount = None if hourly is None else usage.billed_node_seconds / 3600 * hourly
    return Billed(usage, hourly, amount, region)
