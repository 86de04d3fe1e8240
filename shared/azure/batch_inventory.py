"""Inventory over azure-batch: every job and pool of ours, in three lists."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final

from azure.batch import BatchClient
from azure.batch import models as batch
from azure.core.exceptions import AzureError, ResourceNotFoundError
from azure.core.rest import HttpRequest

from shared.azure.batch_codes import meaning, quota, unallocated
from shared.azure.batch_models import ATTEMPT, COMPUTE, RUN, SHAPE
from shared.azure.errors import error_code, translated
from shared.domain.keys import BATCH_PREFIX
from shared.domain.run import Problem
from shared.ports.compute import AttemptSeen, PoolSeen

_SERVICE = "Azure Batch"
_OURS: Final = f"startswith(id, '{BATCH_PREFIX}')"
_API: Final = "2025-06-01"
#: Of so many pools with lost nodes a tick asks for the reasons; that is a call for each.
_ASKED: Final = 5
_USELESS: Final = "state eq 'unusable' or state eq 'starttaskfailed'"
_OVER: Final = (batch.BatchJobState.TERMINATING, batch.BatchJobState.COMPLETED)


@dataclass(frozen=True, slots=True)
class BatchInventory:
    """Inventory."""

    client: BatchClient

    def attempts(self) -> Sequence[AttemptSeen]:
        try:
            return [_attempt(job) for job in self._jobs()]
        except AzureError as error:
            raise translated(_SERVICE, error) from error

    def _jobs(self) -> Iterator[dict[str, Any]]:
        """As the service writes them: thousands are read in a tenth of the time that their models
        take, and five fields are all that is wanted."""
        params = {
            "api-version": _API,
            "maxresults": "1000",
            "$filter": _OURS,
            "$select": "id,state,creationTime,metadata,executionInfo",
        }
        page = HttpRequest("GET", "/jobs", params=params)
        while True:
            answer = self.client.send_request(page)
            answer.raise_for_status()
            found = answer.json()
            yield from found["value"]
            if not found.get("odata.nextLink"):
                return
            page = HttpRequest("GET", found["odata.nextLink"])

    def pools(self) -> Sequence[PoolSeen]:
        fields = ["id", "state", "creationTime", "metadata", "resizeErrors"]
        fields += ["currentDedicatedNodes", "currentLowPriorityNodes"]
        fields += ["targetDedicatedNodes", "targetLowPriorityNodes", "autoScaleFormula"]
        try:
            pools = [*self.client.list_pools(filter=_OURS, select=fields)]
            # Without pools there is nothing to count, which is most of the time.
            counted = self.client.list_pool_node_counts() if pools else []
            counts = {count.pool_id: count for count in counted}
        except AzureError as error:
            raise translated(_SERVICE, error) from error
        seen = [_pool(pool, counts.get(str(pool.id))) for pool in pools]
        broken = [pool.id for pool in seen if pool.lost > pool.preempted][:_ASKED]
        why = {pool: self._why_lost(pool) for pool in broken}
        return [replace(pool, lost_why=why.get(pool.id)) for pool in seen]

    def _why_lost(self, pool_id: str) -> Problem | None:
        """What the service says of a node that it can't use."""
        try:
            nodes = self.client.list_nodes(
                pool_id, filter=_USELESS, select=["id", "state", "errors"], max_results=1
            )
            told = next((each for node in nodes for each in node.errors or ()), None)
        except ResourceNotFoundError:
            return None
        except AzureError as error:
            raise translated(_SERVICE, error) from error
        return _lost(told) if told else None

    def drop_pool(self, pool_id: str) -> None:
        request = HttpRequest("DELETE", f"/pools/{pool_id}?api-version={_API}")
        try:
            self.client.send_request(request).raise_for_status()
        except ResourceNotFoundError:
            return
        except AzureError as error:
            gone = getattr(error, "status_code", None) == 404
            if gone or error_code(error) == "PoolBeingDeleted":
                return
            raise translated(_SERVICE, error) from error


def _attempt(job: dict[str, Any]) -> AttemptSeen:
    metadata = {item["name"]: item["value"] for item in job.get("metadata") or ()}
    info = job.get("executionInfo") or {}
    return AttemptSeen(
        id=job["id"],
        key=job["id"].removeprefix(BATCH_PREFIX),
        run=metadata.get(RUN, ""),
        state=job["state"],
        ended=job["state"] in _OVER,
        deleting=job["state"] == batch.BatchJobState.DELETING,
        created_at=datetime.fromisoformat(job["creationTime"]),
        reason=info.get("terminateReason") or "",
        problem=_unscheduled(info.get("schedulingError")),
    )


def _unscheduled(error: Mapping[str, Any] | None) -> Problem | None:
    """Why Batch itself could do nothing for the job, such as make its pool."""
    if error is None:
        return None
    code, words = str(error.get("code")), error.get("message") or "it does not say why"
    said = quota(code)
    return Problem(code, *(said or (f"Azure Batch could not place the run: {words}", "")))


def _pool(pool: batch.BatchPool, counts: batch.BatchPoolNodeCounts | None) -> PoolSeen:
    nodes = [tier for tier in (counts.dedicated, counts.low_priority) if tier] if counts else []
    return PoolSeen(
        id=str(pool.id),
        key=_told(ATTEMPT, pool.metadata),
        run=_told(RUN, pool.metadata),
        state=_word(pool.state),
        nodes=(pool.current_dedicated_nodes or 0) + (pool.current_low_priority_nodes or 0),
        deleting=pool.state == batch.BatchPoolState.DELETING,
        created_at=pool.creation_time,
        errors=tuple(_unallocated(error) for error in pool.resize_errors or ()),
        preparing=sum(tier.starting + tier.waiting_for_start_task + tier.idle for tier in nodes),
        running=sum(tier.running for tier in nodes),
        lost=sum(tier.unusable + tier.start_task_failed + tier.preempted for tier in nodes),
        preempted=sum(tier.preempted for tier in nodes),
        idle=sum(tier.idle for tier in nodes),
        target=(pool.target_dedicated_nodes or 0) + (pool.target_low_priority_nodes or 0),
        compute=_told(COMPUTE, pool.metadata),
        made=(_told(SHAPE, pool.metadata), pool.auto_scale_formula or ""),
    )


def _lost(error: batch.BatchNodeError) -> Problem:
    code, words = str(error.code), str(error.message)
    if (known := meaning(code)) and known.of == "image":
        return Problem(code, known.sentence("", words), known.remedy)
    return Problem(
        "NodeLost",
        f"The run's node became unusable, and Azure Batch has no other one for it: {code}: {words}",
        "Nothing, if another attempt ends well; else look at the pool's nodes in the Batch "
        "account.",
    )


def _unallocated(error: batch.ResizeError) -> Problem:
    return Problem(str(error.code), *unallocated(str(error.code), str(error.message)))


def _word(state: object) -> str:
    """The service's word, known to the SDK (an enum's member) or not (text)."""
    return str(getattr(state, "value", state))


def _told(name: str, metadata: Iterable[batch.BatchMetadataItem] | None) -> str:
    return next((item.value for item in metadata or () if item.name == name), "")
