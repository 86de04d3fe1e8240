"""What can befall Batch: its requests, its pools and nodes, the tasks on them, what is deleted.

Codes are the service's own, and a rule may name another one.
"""

from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from retrain.local.faults import http, operations
from retrain.local.faults.operations import one_of
from retrain.local.faults.rule import Glob, Rule, Where
from retrain.local.faults.span import Seconds, seconds


class PoolWhere(Where):
    """pool: its id; of a job's auto pool, the id that it was given."""

    pool: Glob | None = None


class NodeWhere(PoolWhere):
    """node: its id."""

    node: Glob | None = None


class TaskWhere(NodeWhere):
    """job, task: their ids; a job's preparation and release are `jobpreparation`, `jobrelease`."""

    job: Glob | None = None
    task: Glob | None = None


class BatchWhere(TaskWhere):
    """What a request names, in its path or as the id of what it makes."""

    operation: Annotated[Glob, AfterValidator(one_of(operations.batch))] | None = None


class BatchRule(Rule):
    """Any fault of Batch."""

    service: Literal["batch"] = "batch"


class Throttle(http.Throttle, BatchRule):
    """429 TooManyRequests with Retry-After."""

    where: BatchWhere = BatchWhere()


class Error(http.Error, BatchRule):
    """500 InternalError, or what it says."""

    where: BatchWhere = BatchWhere()


class Drop(http.Drop, BatchRule):
    """See http.Drop."""

    where: BatchWhere = BatchWhere()


class Stall(http.Stall, BatchRule):
    """See http.Stall."""

    where: BatchWhere = BatchWhere()


class Latency(http.Latency, BatchRule):
    """See http.Latency."""

    where: BatchWhere = BatchWhere()


class PoolRule(BatchRule):
    """A fault of a pool."""

    where: PoolWhere = PoolWhere()


class AllocationFailure(PoolRule):
    """A resize ends with `nodes` new nodes, fewer than asked for, and a resize error.

    code: as AllocationFailed, AllocationTimedout, AccountCoreQuotaReached, …  message: the
    service's own for the code by default.
    """

    kind: Literal["allocation_failure"] = "allocation_failure"
    code: str = Field(default="AllocationFailed", min_length=1)
    message: str | None = None
    nodes: int = Field(default=0, ge=0)


class SlowAllocation(PoolRule):
    """A resize takes so long."""

    kind: Literal["slow_allocation"] = "slow_allocation"
    seconds: Seconds


class LeakedAutoPool(PoolRule):
    """An auto pool is not deleted with its job."""

    kind: Literal["leaked_auto_pool"] = "leaked_auto_pool"


class StartTaskFailure(BatchRule):
    """A node's start task is taken to have ended so; of a pool without one, no node fails."""

    kind: Literal["start_task_failure"] = "start_task_failure"
    where: NodeWhere = NodeWhere()
    exit_code: int = Field(default=1, ge=1, le=255)


class UnusableNode(BatchRule):
    """A node turns unusable so long after it came up. code, message: the node's error."""

    kind: Literal["unusable_node"] = "unusable_node"
    where: NodeWhere = NodeWhere()
    seconds: Seconds = seconds(0)
    code: str = Field(default="NodeAgentUnreachable", min_length=1)
    message: str = "The Batch service could not reach the node"


class TaskRule(BatchRule):
    """A fault of a task, of a job's preparation, or of its release, at each try of it."""

    where: TaskWhere = TaskWhere()


class Preemption(TaskRule):
    """The node is taken away so long after the task's process has started."""

    kind: Literal["preemption"] = "preemption"
    seconds: Seconds = seconds(0)


class NodeLoss(TaskRule):
    """The node turns unusable so long after the task's process has started."""

    kind: Literal["node_loss"] = "node_loss"
    seconds: Seconds = seconds(0)


class TaskFailure(TaskRule):
    """The task ends with this failure, which is its user's fault or the service's."""

    code: str = Field(min_length=1)
    message: str
    category: Literal["usererror", "servererror"] = "usererror"


class ImagePullFailure(TaskFailure):
    """A task in a container never starts."""

    kind: Literal["image_pull_failure"] = "image_pull_failure"
    code: str = Field(default="ContainerInvalidImage", min_length=1)
    message: str = "The specified container image could not be pulled"


class InputDownloadFailure(TaskFailure):
    """A task with resource files never starts."""

    kind: Literal["input_download_failure"] = "input_download_failure"
    code: str = Field(default="BlobDownloadMiscError", min_length=1)
    message: str = (
        "Miscellaneous error encountered while downloading one of the specified Azure Blob(s)"
    )


class OutputUploadFailure(TaskFailure):
    """A task with output files runs; then those whose `filePattern` fits are not kept."""

    kind: Literal["output_upload_failure"] = "output_upload_failure"
    code: str = Field(default="FileUploadMiscError", min_length=1)
    message: str = "A miscellaneous error was encountered while uploading one of the output files"
    pattern: Glob = "*"


class DeletionWhere(Where):
    """Name the jobs or the pools."""

    pool: Glob | None = None
    job: Glob | None = None


class SlowDeletion(BatchRule):
    """A job or a pool takes so long to be deleted; its id stays taken meanwhile."""

    kind: Literal["slow_deletion"] = "slow_deletion"
    where: DeletionWhere = DeletionWhere()
    seconds: Seconds
