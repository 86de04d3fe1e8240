"""Compute over azure-batch: an attempt is a job with one task, on an auto pool or a shared one.

Creation is three calls, each of which may find its work done: job, task, and only then the order to
end the job with its tasks (a job without tasks would end at once). If every function of ours died
in between, `maxWallClockTime` would still end the job and drop the pool.
"""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Final, cast

from azure.batch import BatchClient
from azure.batch import models as batch
from azure.core.exceptions import (
    AzureError,
    HttpResponseError,
    ResourceExistsError,
    ResourceNotFoundError,
)
from azure.core.rest import HttpRequest, HttpResponse

from shared.azure import batch_failures as failures
from shared.azure.batch_models import TASK, Node, is_prepared, job_for, job_id, task_for
from shared.azure.blob_links import BlobLinks
from shared.azure.errors import error_code, translated
from shared.azure.registry_images import Login, no_login
from shared.domain.errors import Transient
from shared.ports.compute import Order, Report

log = logging.getLogger("retrain.batch")

_SERVICE = "Azure Batch"
#: Bytes of the preparation's words: it says one sentence.
_SAID: Final = 2000
_API = "2025-06-01"
_OVER: Final = ("JobCompleted", "JobBeingTerminated", "JobBeingDeleted")
_FAILURE: Final = batch.BatchTaskExecutionResult.FAILURE


@dataclass(frozen=True, slots=True)
class BatchCompute:
    """Compute. login: to the registry of an image, for the node that pulls it."""

    client: BatchClient
    links: BlobLinks
    node: Node
    login: Login = no_login

    def provision(self, order: Order) -> None:
        job, login = job_id(order.key), self.login(order.image)
        options = job_for(order, self.links, self.node, login)
        task = task_for(order, self.links, login)
        try:
            self._unless_there(lambda: self.client.create_job(options), "JobExists")
            self._unless_there(lambda: self.client.create_task(job, task), "TaskExists")
            self.client.update_job(
                job,
                batch.BatchJobUpdateOptions(
                    all_tasks_complete_mode=batch.BatchAllTasksCompleteMode.TERMINATE_JOB
                ),
            )
        except ResourceNotFoundError as error:
            raise Transient(f"Batch job {job} went away while it was made.") from error
        except AzureError as error:
            if error_code(error) in _OVER:
                return  # a repeat that came after the task's end, or after somebody deleted the job
            raise failures.refused(error, order.vm_size or self.node.vm_size) from error

    def report(self, key: str) -> Report | None:
        try:
            task = self.client.get_task(job_id(key), TASK)
            # To ask for the preparation of a job that has none is an error.
            prepared = self._preparation(key) if is_prepared(task) else None
        except ResourceNotFoundError:
            return None
        except AzureError as error:
            raise translated(_SERVICE, error) from error
        done = prepared.job_preparation_task_execution_info if prepared else None
        prepared_at = done.start_time if done else None
        if task.state == batch.BatchTaskState.COMPLETED:
            return failures.ended(task, prepared_at)
        running = task.state == batch.BatchTaskState.RUNNING  # on another node, after all
        if prepared and done and done.result == _FAILURE and not running:
            return failures.unprepared(done, self._said(prepared, done))
        return _under_way(task, failures.utc(prepared_at))

    def take_down(self, key: str) -> None:
        """Plain DELETE: the SDK's own begin_delete_job starts a thread that polls for minutes."""
        request = HttpRequest("DELETE", f"/jobs/{job_id(key)}?api-version={_API}")
        try:
            self.client.send_request(request).raise_for_status()
        except ResourceNotFoundError:
            return
        except AzureError as error:
            if getattr(error, "status_code", None) == 404 or error_code(error) == "JobBeingDeleted":
                return
            raise translated(_SERVICE, error) from error

    def _preparation(self, key: str) -> batch.BatchJobPreparationAndReleaseTaskStatus | None:
        """Of several nodes one that failed: the task then starts on none of them."""
        nodes = [*self.client.list_job_preparation_and_release_task_status(job_id(key))]
        failed = (
            node
            for node in nodes
            if (info := node.job_preparation_task_execution_info) and info.result == _FAILURE
        )
        return next(failed, nodes[0] if nodes else None)

    def _said(
        self,
        node: batch.BatchJobPreparationAndReleaseTaskStatus,
        info: batch.BatchJobPreparationTaskExecutionInfo,
    ) -> str:
        """What the preparation wrote to its stderr, while its node is there; not too much of it."""
        if not (node.pool_id and node.node_id and info.task_root_directory):
            return ""
        file = f"{info.task_root_directory}/stderr.txt"
        try:
            found = self.client.download_node_file(
                node.pool_id, node.node_id, file, ocp_range=f"bytes=0-{_SAID - 1}"
            )
            return b"".join(found).decode(errors="replace").strip()
        except HttpResponseError as error:
            if error.response is not None:
                # The SDK leaves the body of a refused stream unread, and its connection taken.
                cast(HttpResponse, error.response).close()
        except AzureError as error:
            log.warning("what %s said could not be read: %s", file, error)
        return ""

    @staticmethod
    def _unless_there(create: Callable[[], None], code: str) -> None:
        try:
            create()
        except ResourceExistsError as error:
            if error_code(error) != code:
                raise  # still being deleted, say: not what we made


def _under_way(task: batch.BatchTask, prepared_at: datetime | None) -> Report:
    info = task.execution_info
    requeues = (info and info.requeue_count) or 0
    if task.state == batch.BatchTaskState.RUNNING:
        started = failures.utc(info.start_time) if info else None
        return Report(
            phase="running", prepared_at=prepared_at, started_at=started, requeues=requeues
        )
    if requeues:
        return Report(phase="provisioning", requeued=True, requeues=requeues)
    return Report(phase="preparing" if prepared_at else "provisioning", prepared_at=prepared_at)
