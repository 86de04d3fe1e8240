"""How a pool comes by nodes: how long that takes, how many it gets, and why not all.

The fleet asks an `Allocation` once for every resize. The usual one gives all that is asked for;
another can be as short of machines, quota or time as the cloud is.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final, Protocol

#: code -> message, of the errors the service shows in a pool's `resizeErrors`.
RESIZE_ERRORS: Final = {
    "AccountCoreQuotaReached": "The specified account has reached core quota",
    "AccountLowPriorityCoreQuotaReached": (
        "The specified account has reached low priority core quota"
    ),
    "AccountSpotCoreQuotaReached": "The specified account has reached spot core quota",
    "AccountVMSeriesCoreQuotaReached": (
        "The specified account has reached VM series core quota for the requested VM family"
    ),
    "AllocationFailed": "Desired number of dedicated nodes could not be allocated",
    "AllocationTimedout": (
        "Desired number of dedicated nodes could not be allocated as the resize timeout was reached"
    ),
    "IncompatibleVMSize": "Requested VM size is not compatible with requested configuration.",
    "RemoveNodesFailed": "Failed to remove the requested nodes from the pool",
    "ResizeStopped": (
        "Desired number of dedicated nodes could not be allocated due to a stop resize operation"
    ),
    "UnsupportedVMSize": "The specified VM size is not available",
    "Unknown": "The reason for the failure is not known",
}


@dataclass(frozen=True, slots=True)
class ResizeError:
    """One of a pool's `resizeErrors`."""

    code: str
    message: str
    values: tuple[tuple[str, str], ...] = ()

    @classmethod
    def of(cls, code: str, **values: str) -> ResizeError:
        """The error with the service's own words for the code, if they are known."""
        return cls(code, RESIZE_ERRORS.get(code, code), tuple(values.items()))

    def document(self) -> dict[str, Any]:
        """As the pool shows it."""
        values = [{"name": name, "value": value} for name, value in self.values]
        return {"code": self.code, "message": self.message, "values": values}


@dataclass(frozen=True, slots=True)
class Demand:
    """How many more nodes a pool asks for; both 0 when it only gives some back."""

    pool_id: str
    vm_size: str
    dedicated: int
    low_priority: int


@dataclass(frozen=True, slots=True)
class Grant:
    """What a demand gets, `seconds` from now; `errors` say why it is less than was asked for."""

    seconds: float
    dedicated: int
    low_priority: int
    errors: tuple[ResizeError, ...] = ()


class Allocation(Protocol):
    """Who decides what a pool gets. Asked in the order of the resizes, from the event loop."""

    def grant(self, demand: Demand) -> Grant:
        """What the demand gets; never more than it asks for."""
        ...

    def deletion_seconds(self, pool_id: str) -> float:
        """How long a deleted pool, once nothing runs there, still keeps its id."""
        ...


#: What this machine can bear of a kind at once; a typing error must not fill its memory.
PLENTY: Final = 1000


class Plenty:
    """Gives all that is asked for, up to a thousand nodes, after the same time always."""

    def __init__(self, seconds: float = 0.0) -> None:
        self._seconds = seconds

    def grant(self, demand: Demand) -> Grant:
        """All of it, or what the machine can bear and the service's word for the rest."""
        dedicated, spot = min(demand.dedicated, PLENTY), min(demand.low_priority, PLENTY)
        errors = []
        if dedicated < demand.dedicated:
            errors.append(ResizeError.of("AccountCoreQuotaReached", Nodes=str(PLENTY)))
        if spot < demand.low_priority:
            errors.append(ResizeError.of("AccountLowPriorityCoreQuotaReached", Nodes=str(PLENTY)))
        return Grant(self._seconds, dedicated, spot, tuple(errors))

    def deletion_seconds(self, pool_id: str) -> float:
        """As long as nodes take to come."""
        return self._seconds
