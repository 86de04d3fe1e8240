"""The life of jobs: auto pools, ends of all kinds, ids that stay taken, changes."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from azure.batch import BatchClient
from azure.batch import models as batch
from azure.core import MatchConditions
from azure.core.exceptions import HttpResponseError, ResourceExistsError, ResourceNotFoundError

from retrain.local.batch import BatchServer
from tests.contract.batch.conftest import (
    add_task,
    auto_pool,
    code_of,
    completed,
    delete_job,
    gone,
    in_state,
    job_name,
    make_job,
    new_pool,
    read,
    refusal,
    started,
    until,
)

TERMINATE = batch.BatchAllTasksCompleteMode.TERMINATE_JOB


def terminate(client: BatchClient, job: str, reason: str = "told to") -> None:
    client._terminate_job_internal(job, {"terminateReason": reason})  # type: ignore[arg-type]


def pools_of(client: BatchClient, job: str) -> list[batch.BatchPool]:
    info = client.get_job(job).execution_info
    assert info is not None
    return [pool for pool in client.list_pools() if pool.id == info.pool_id]


def test_a_whole_job_leaves_nothing(client: BatchClient, server: BatchServer) -> None:
    metadata = [batch.BatchMetadataItem(name="retrain-run", value="r1")]
    job = make_job(
        client,
        pool_info=auto_pool(metadata=metadata),
        metadata=metadata,
        job_preparation_task=batch.BatchJobPreparationTask(command_line="/bin/sh -c 'echo p > f'"),
        job_release_task=batch.BatchJobReleaseTask(command_line="/bin/true"),
    )
    (pool,) = pools_of(client, job)
    assert pool.id.startswith("retrain_")
    assert pool.metadata is not None
    assert pool.metadata[0].value == "r1"
    add_task(client, job, 'cat "$AZ_BATCH_JOB_PREP_WORKING_DIR/f"')
    client.update_job(job, batch.BatchJobUpdateOptions(all_tasks_complete_mode=TERMINATE))
    ended = in_state(client, job, "completed")
    assert ended.execution_info is not None
    assert ended.execution_info.termination_reason == "AllTasksComplete"
    assert ended.execution_info.end_time is not None
    assert read(client, job, "stdout.txt") == b"p\n"  # files are there while the task is
    assert pools_of(client, job) == []
    (status,) = client.list_job_preparation_and_release_task_status(job)
    assert status.job_release_task_execution_info is not None
    assert status.job_release_task_execution_info.exit_code == 0
    delete_job(client, job)
    gone(client, job)
    assert not list(server.settings.data.rglob(f"*{job}*"))


def test_a_running_job_is_deleted_with_all_it_started(
    client: BatchClient, server: BatchServer
) -> None:
    job = make_job(client)
    add_task(client, job, "echo go; sleep 300")
    started(client, job)
    pool = pools_of(client, job)[0].id
    delete_job(client, job)
    gone(client, job)
    assert isinstance(refusal(lambda: client.get_pool(pool)), ResourceNotFoundError)
    assert not list(server.settings.data.rglob(f"*{job}*"))
    make_job(client, job)  # the id is free again
    delete_job(client, job)


def test_an_id_stays_taken_until_the_deletion_is_over(client: BatchClient) -> None:
    job = make_job(
        client,
        job_preparation_task=batch.BatchJobPreparationTask(command_line="/bin/true"),
        job_release_task=batch.BatchJobReleaseTask(command_line="/bin/sleep 300"),
    )
    add_task(client, job)
    completed(client, job)
    delete_job(client, job)
    assert client.get_job(job).state == batch.BatchJobState.DELETING
    for call in (lambda: make_job(client, job), lambda: add_task(client, job, task="u")):
        error = refusal(call)
        assert isinstance(error, ResourceExistsError)
        assert code_of(error) == "JobBeingDeleted"
    assert code_of(refusal(lambda: delete_job(client, job))) == "JobBeingDeleted"


def test_terminating_ends_running_tasks_and_leaves_active_ones(client: BatchClient) -> None:
    job = make_job(client)
    add_task(client, job, "echo go; sleep 300")
    add_task(client, job, task="waits")
    started(client, job)
    terminate(client, job, "enough")
    ended = in_state(client, job, "completed")
    assert ended.execution_info is not None
    assert ended.execution_info.termination_reason == "enough"
    info = completed(client, job).execution_info
    assert info is not None
    assert info.failure_info is not None
    assert info.failure_info.code == "TaskEnded"
    assert info.result == batch.BatchTaskExecutionResult.FAILURE
    assert client.get_task(job, "waits").state == batch.BatchTaskState.ACTIVE
    assert code_of(refusal(lambda: add_task(client, job, task="late"))) == "JobCompleted"
    assert code_of(refusal(lambda: terminate(client, job))) == "JobCompleted"


def test_out_of_time(client: BatchClient) -> None:
    limit = batch.BatchJobConstraints(max_wall_clock_time=timedelta(seconds=0.3))
    job = make_job(client, constraints=limit)
    add_task(client, job, "sleep 300")
    ended = in_state(client, job, "completed")
    assert ended.execution_info is not None
    assert ended.execution_info.termination_reason == "MaxWallClockTimeExpiry"


def test_a_job_told_to_end_with_its_tasks_ends_at_once_when_there_are_none(
    client: BatchClient,
) -> None:
    in_state(client, make_job(client, all_tasks_complete_mode=TERMINATE), "completed")


def test_the_order_to_end_can_come_after_the_last_task(client: BatchClient) -> None:
    job = make_job(client)
    add_task(client, job)
    completed(client, job)
    assert client.get_job(job).state == batch.BatchJobState.ACTIVE
    client.update_job(job, batch.BatchJobUpdateOptions(all_tasks_complete_mode=TERMINATE))
    in_state(client, job, "completed")


def test_a_pool_kept_alive_outlives_its_job(client: BatchClient) -> None:
    job = make_job(client, pool_info=auto_pool(keep_alive=True))
    (pool,) = pools_of(client, job)
    delete_job(client, job)
    gone(client, job)
    assert client.get_pool(pool.id).state == batch.BatchPoolState.ACTIVE
    client._delete_pool_internal(pool.id)


def test_a_job_may_name_a_pool_that_comes_later(client: BatchClient) -> None:
    job = make_job(client, pool_info=batch.BatchPoolInfo(pool_id="later"))
    add_task(client, job)
    assert client.get_task(job, "t").state == batch.BatchTaskState.ACTIVE
    client.create_pool(new_pool("later"))
    completed(client, job)
    client._delete_pool_internal("later")


def test_disabled_jobs_start_nothing(client: BatchClient) -> None:
    job = make_job(client)
    options = batch.BatchJobDisableOptions(disable_tasks="requeue")
    add_task(client, job, 'echo go; test "$MODE" = quick || sleep 300')
    started(client, job)
    client._disable_job_internal(job, options)
    in_state(client, job, "disabled")
    task = client.get_task(job, "t")
    assert task.state == batch.BatchTaskState.ACTIVE
    assert task.execution_info is not None
    assert task.execution_info.requeue_count == 1
    assert code_of(refusal(lambda: client._disable_job_internal(job, options))) == "JobDisabled"
    client._enable_job_internal(job)
    started(client, job)
    assert client.get_task(job, "t").state == batch.BatchTaskState.RUNNING
    delete_job(client, job)


def test_changes_keep_what_they_do_not_name(client: BatchClient) -> None:
    job = make_job(client, priority=7, display_name="x")
    before = client.get_job(job)
    client.update_job(job, batch.BatchJobUpdateOptions(max_parallel_tasks=3))
    after = client.get_job(job)
    assert (after.priority, after.max_parallel_tasks, after.display_name) == (7, 3, "x")
    assert after.etag != before.etag
    after.priority = 9
    client.replace_job(job, after)
    assert client.get_job(job).priority == 9
    client.update_job(job, batch.BatchJobUpdateOptions(all_tasks_complete_mode=TERMINATE))
    in_state(client, job, "completed")


NULLS = {"priority": None, "constraints": None, "onAllTasksComplete": None, "metadata": None}


def test_null_is_as_good_as_absent(client: BatchClient) -> None:
    body: Any = {"id": job_name(), "poolInfo": {"poolId": "none"}, **NULLS}
    client.create_job(body)
    found = client.get_job(body["id"])
    assert (found.priority, found.all_tasks_complete_mode) == (0, "noaction")
    client.replace_job(body["id"], body)
    assert client.get_job(body["id"]).all_tasks_complete_mode == "noaction"
    body["poolInfo"] = None
    error = refusal(lambda: client.replace_job(body["id"], body))
    assert (error.status_code, code_of(error)) == (400, "MissingRequiredProperty")


def test_words_are_taken_in_any_case(client: BatchClient) -> None:
    body: Any = {
        "id": job_name(),
        "poolInfo": {"poolId": "none"},
        "onAllTasksComplete": "TerminateJob",
    }
    client.create_job(body)
    in_state(client, body["id"], "completed")
    assert client.get_job(body["id"]).all_tasks_complete_mode == "terminatejob"


def test_higher_priority_is_served_first(client: BatchClient) -> None:
    client.create_pool(new_pool("ranks", nodes=0))
    jobs = [
        make_job(client, pool_info=batch.BatchPoolInfo(pool_id="ranks"), priority=priority)
        for priority in (-5, 5)
    ]
    for job in jobs:
        add_task(client, job)
    client._resize_pool_internal("ranks", batch.BatchPoolResizeOptions(target_dedicated_nodes=1))
    starts = [completed(client, job).execution_info for job in jobs]
    assert starts[0] is not None
    assert starts[1] is not None
    assert starts[1].start_time is not None
    assert starts[0].start_time is not None
    assert starts[1].start_time < starts[0].start_time
    client._delete_pool_internal("ranks")


BAD: dict[str, tuple[dict[str, Any], str]] = {
    "an id of 65": ({"id": "x" * 65}, "InvalidPropertyValue"),
    "an id with a dot": ({"id": "a.b"}, "InvalidPropertyValue"),
    "a prefix of 21": ({"poolInfo": {"autoPoolSpecification": {
        "autoPoolIdPrefix": "x" * 21, "poolLifetimeOption": "job", "pool": {"vmSize": "s"}}}},
        "InvalidPropertyValue"),
    "no pool": ({"poolInfo": {}}, "InvalidPropertyValue"),
    "an auto pool of nothing": (
        {"poolInfo": {"autoPoolSpecification": {"poolLifetimeOption": "job"}}},
        "MissingRequiredProperty"),
    "an unknown property": ({"colour": "red"}, "InvalidRequestBody"),
    "a priority of 1001": ({"priority": 1001}, "OutOfRangePriority"),
    "no duration": ({"constraints": {"maxWallClockTime": "soon"}}, "InvalidPropertyValue"),
    "a release without preparation": (
        {"jobReleaseTask": {"commandLine": "true"}}, "InvalidPropertyValue"),
    "what can't be done here": (
        {"networkConfiguration": {"subnetId": "s"}}, "UnsupportedProperty"),
    "packages for its manager": (
        {"jobManagerTask": {"id": "m", "commandLine": "true", "applicationPackageReferences": [
            {"applicationId": "a"}]}}, "UnsupportedProperty"),
}  # fmt: skip


@pytest.mark.parametrize(("wrong", "code"), BAD.values(), ids=BAD)
def test_a_wrong_job_is_refused(client: BatchClient, wrong: dict[str, Any], code: str) -> None:
    body = {"id": job_name(), "poolInfo": {"poolId": "p"}, **wrong}
    error = refusal(lambda: client.create_job(body))  # type: ignore[arg-type]
    assert error.status_code == 400
    assert code_of(error) == code


def test_existing_and_unknown(client: BatchClient) -> None:
    job = make_job(client)
    for again in (job, job.upper()):
        error = refusal(lambda again=again: make_job(client, again))  # type: ignore[misc]
        assert isinstance(error, ResourceExistsError)
        assert code_of(error) == "JobExists"
    calls: list[Callable[[], Any]] = [
        lambda: client.get_job("nowhere"),
        lambda: delete_job(client, "nowhere"),
        lambda: terminate(client, "nowhere"),
        lambda: add_task(client, "nowhere"),
        lambda: list(client.list_tasks("nowhere")),
        lambda: client.get_job_task_counts("nowhere"),
    ]
    for call in calls:
        error = refusal(call)
        assert isinstance(error, ResourceNotFoundError)
        assert code_of(error) == "JobNotFound"
    delete_job(client, job)


def test_conditions(client: BatchClient) -> None:
    job = make_job(client)
    tag = client.get_job(job).etag
    same: dict[str, Any] = {"etag": tag, "match_condition": MatchConditions.IfNotModified}
    change = batch.BatchJobUpdateOptions(priority=1)
    client.update_job(job, change, **same)
    with pytest.raises(HttpResponseError) as caught:
        client.update_job(job, change, **same)
    assert caught.value.status_code == 412
    until(lambda: client.get_job(job).priority == 1)
    delete_job(client, job)
