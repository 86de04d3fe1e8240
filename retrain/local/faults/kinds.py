"""Every kind of fault, by service and by name."""

from collections.abc import Mapping
from typing import Final

from retrain.local.faults import batch, blob, servicebus
from retrain.local.faults.rule import Rule

_KINDS: Final[tuple[type[Rule], ...]] = (
    *(batch.Throttle, batch.Error, batch.Drop, batch.Stall, batch.Latency),
    *(batch.AllocationFailure, batch.SlowAllocation, batch.LeakedAutoPool),
    *(batch.StartTaskFailure, batch.UnusableNode, batch.Preemption, batch.NodeLoss),
    *(batch.ImagePullFailure, batch.InputDownloadFailure, batch.OutputUploadFailure),
    batch.SlowDeletion,
    *(blob.Throttle, blob.Error, blob.Drop, blob.Stall, blob.Latency),
    *(servicebus.Throttle, servicebus.Error, servicebus.Drop, servicebus.ClosedLink),
    *(servicebus.Latency, servicebus.LostLock, servicebus.Duplicate, servicebus.Late),
)


def _by_service() -> dict[str, dict[str, type[Rule]]]:
    table: dict[str, dict[str, type[Rule]]] = {}
    for kind in _KINDS:
        table.setdefault(kind.service_name(), {})[kind.kind_name()] = kind
    return table


#: service -> kind -> the rule's class
KINDS: Final[Mapping[str, Mapping[str, type[Rule]]]] = _by_service()
