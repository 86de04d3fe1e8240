"""Pools over azure-batch: a named compute is a pool that scales itself, by a formula.

The service evaluates the formula every five minutes, the shortest interval there is, and whenever
it is given anew. It needs nobody of ours to fall to its minimum: all it looks at are tasks.
"""

from dataclasses import dataclass
from datetime import timedelta
from typing import Final
from urllib.parse import urlsplit

from azure.batch import BatchClient
from azure.batch import models as batch
from azure.core.exceptions import AzureError
from azure.core.rest import HttpRequest

from shared.azure.batch_failures import refused
from shared.azure.batch_models import COMPUTE, SHAPE, Node, machine, network, pool_id
from shared.azure.errors import error_code
from shared.domain.errors import Transient
from shared.domain.keys import digest
from shared.jobs import AmlCompute
from shared.jobs.compute import MOST_TOGETHER
from shared.ports.compute import PoolSeen

#: The service's shortest.
EVERY: Final = timedelta(minutes=5)
#: A sample comes every 30 s and a minute or so late; of less than this there might be none.
SHORTEST: Final = 180
#: Scaling was asked for less than 30 seconds ago: the next tick asks again.
_SOON: Final = ("TooManyEnableAutoScaleRequests", "AutoScaleTooManyRequestsToEnable")
_GOING: Final = ("PoolBeingDeleted", "PoolNotFound")


@dataclass(frozen=True, slots=True)
class BatchPools:
    """Pools."""

    client: BatchClient
    node: Node
    endpoint: str

    def region(self) -> str:
        """The account's name and the region are in its address: name.region.batch.azure.com."""
        parts = (urlsplit(self.endpoint).hostname or "").split(".")
        return parts[1] if parts[2:3] == ["batch"] else ""

    def ensure(
        self, compute: AmlCompute, seen: PoolSeen | None, *, extra: int = 0, hurry: bool = False
    ) -> None:
        try:
            if seen is None:
                self._create(compute, extra)
            elif seen.deleting:
                return  # its id is taken until it is gone
            elif seen.made[0] != shape(compute, self.node):
                self._delete(seen.id)  # of an earlier compute of this name; made anew when gone
            elif hurry or seen.made[1] != formula(compute, extra):
                self._scale(compute, extra)
        except AzureError as error:
            raise refused(error, compute.size or self.node.vm_size) from error

    def _create(self, compute: AmlCompute, extra: int) -> None:
        try:
            self.client.create_pool(_pool(compute, self.node, extra))
        except AzureError as error:
            if error_code(error) == "PoolBeingDeleted":
                raise Transient(
                    f"The pool of an earlier compute '{compute.name}' is still being deleted.",
                    remedy="It is made when that is gone.",
                ) from error
            if error_code(error) != "PoolExists":
                raise

    def _scale(self, compute: AmlCompute, extra: int) -> None:
        wanted = batch.BatchPoolEnableAutoScaleOptions(
            auto_scale_formula=formula(compute, extra), auto_scale_evaluation_interval=EVERY
        )
        try:
            self.client.enable_pool_auto_scale(pool_id(compute.key), wanted)
        except AzureError as error:
            if error_code(error) not in (*_SOON, *_GOING):
                raise

    def _delete(self, identity: str) -> None:
        request = HttpRequest("DELETE", f"/pools/{identity}?api-version=2025-06-01")
        try:
            self.client.send_request(request).raise_for_status()
        except AzureError as error:
            gone = getattr(error, "status_code", None) == 404
            if not gone and error_code(error) not in _GOING:
                raise


def formula(compute: AmlCompute, extra: int = 0) -> str:
    """As many nodes as there was work for at any time of the idle time, between min and max.

    A task that needs several nodes counts as one, so what it needs beyond that is `extra`; it holds
    only while there is work, so that nodes are given back though nobody of ours is left to say so.
    """
    target, other = "$TargetDedicatedNodes", "$TargetLowPriorityNodes"
    if compute.tier == "low_priority":
        target, other = other, target
    seconds = max(SHORTEST, compute.idle_time_before_scale_down)
    return "\n".join(
        (
            f"// compute {compute.key}",
            f"window = {seconds} * TimeInterval_Second;",
            "known = $PendingTasks.GetSamplePercent(window) > 0;",
            "work = known ? max($PendingTasks.GetSample(window)) : 0;",
            f"wanted = work > 0 ? work + {extra} : 0;",
            f"{target} = max({compute.min_instances}, min({compute.max_instances}, wanted));",
            f"{other} = 0;",
            "$NodeDeallocationOption = taskcompletion;",
        )
    )


def shape(compute: AmlCompute, node: Node) -> str:
    """What can't be changed of a pool, in short."""
    size = (compute.size or node.vm_size).lower()
    together = str(_together(compute))
    parts = [size, compute.tier, together, node.publisher, node.offer, node.sku, node.agent]
    parts += [node.subnet] if node.subnet else []  # without one, the shape that it had before
    return digest(*parts)[:16]


def _together(compute: AmlCompute) -> bool:
    return compute.max_instances <= MOST_TOGETHER


def _pool(compute: AmlCompute, node: Node, extra: int) -> batch.BatchPoolCreateOptions:
    return batch.BatchPoolCreateOptions(
        id=pool_id(compute.key),
        display_name=compute.name,
        vm_size=compute.size or node.vm_size,
        # Which images will run is not known yet: each task brings its own.
        virtual_machine_configuration=machine(node, []),
        enable_auto_scale=True,
        auto_scale_formula=formula(compute, extra),
        auto_scale_evaluation_interval=EVERY,
        enable_inter_node_communication=_together(compute),
        network_configuration=network(node),
        task_slots_per_node=1,
        metadata=[
            batch.BatchMetadataItem(name=COMPUTE, value=compute.key),
            batch.BatchMetadataItem(name=SHAPE, value=shape(compute, node)),
        ],
    )
