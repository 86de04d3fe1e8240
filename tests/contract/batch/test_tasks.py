"""Tasks: how they run, fail, are tried again, ended, removed; what preparation does to them."""

from datetime import timedelta

import pytest
from azure.batch import BatchClient
from azure.batch import models as batch
from azure.core.exceptions import ResourceNotFoundError

from tests.contract.batch.conftest import (
    add_task,
    auto_pool,
    code_of,
    completed,
    delete_job,
    make_job,
    new_pool,
    read,
    refusal,
    started,
    until,
)


def info_of(task: batch.BatchTask) -> batch.BatchTaskExecutionInfo:
    assert task.execution_info is not None
    return task.execution_info


@pytest.fixture(scope="module")
def pool(client: BatchClient) -> batch.BatchPoolInfo:
    client.create_pool(new_pool("many", nodes=2, task_slots_per_node=2))
    return batch.BatchPoolInfo(pool_id="many")


def test_the_environment(client: BatchClient, pool: batch.BatchPoolInfo) -> None:
    common = [
        batch.EnvironmentSetting(name="BOTH", value="job"),
        batch.EnvironmentSetting(name="A", value="job"),
    ]
    job = make_job(client, pool_info=pool, common_environment_settings=common)
    own = [batch.EnvironmentSetting(name="BOTH", value="task")]
    add_task(client, job, "env; pwd", environment_settings=own)
    completed(client, job)
    lines = read(client, job, "stdout.txt").decode().splitlines()
    found = dict(line.split("=", 1) for line in lines if "=" in line)
    assert (found["BOTH"], found["A"]) == ("task", "job")
    assert (found["AZ_BATCH_JOB_ID"], found["AZ_BATCH_TASK_ID"]) == (job, "t")
    assert found["AZ_BATCH_POOL_ID"] == "many"
    assert found["AZ_BATCH_TASK_WORKING_DIR"] == lines[-1] == found["AZ_BATCH_TASK_DIR"] + "/wd"
    assert found["AZ_BATCH_TASK_DIR"].startswith(found["AZ_BATCH_NODE_ROOT_DIR"])
    node = client.get_task(job, "t").node_info
    assert node is not None
    assert node.node_id == found["AZ_BATCH_NODE_ID"]


def test_a_failing_task(client: BatchClient, pool: batch.BatchPoolInfo) -> None:
    job = make_job(client, pool_info=pool)
    add_task(client, job, "exit 3")
    info = info_of(completed(client, job))
    assert (info.exit_code, info.result) == (3, batch.BatchTaskExecutionResult.FAILURE)
    assert info.failure_info is not None
    assert info.failure_info.code == "FailureExitCode"
    assert info.failure_info.category == batch.BatchErrorSourceCategory.USER_ERROR


def test_retries(client: BatchClient, pool: batch.BatchPoolInfo) -> None:
    job = make_job(client, pool_info=pool)
    twice = batch.BatchTaskConstraints(max_task_retry_count=2)
    script = 'cd "$AZ_BATCH_NODE_SHARED_DIR"; echo x >> c; test $(wc -l < c) -eq 2'
    add_task(client, job, script, constraints=twice)
    info = info_of(completed(client, job))
    assert (info.exit_code, info.retry_count) == (0, 1)
    assert info.last_retry_time is not None
    add_task(client, job, "exit 1", task="never", constraints=twice)
    assert info_of(completed(client, job, "never")).retry_count == 2
    assert client.get_job_task_counts(job).task_counts.as_dict() == {
        "active": 0,
        "running": 0,
        "completed": 2,
        "succeeded": 1,
        "failed": 1,
    }


def test_the_tasks_own_wall_clock(client: BatchClient, pool: batch.BatchPoolInfo) -> None:
    job = make_job(client, pool_info=pool)
    limit = batch.BatchTaskConstraints(max_wall_clock_time=timedelta(seconds=0.3))
    add_task(client, job, "sleep 300", constraints=limit)
    info = info_of(completed(client, job))
    assert info.result == batch.BatchTaskExecutionResult.FAILURE
    assert info.failure_info is not None


def test_ending_a_running_and_a_waiting_task(client: BatchClient) -> None:
    job = make_job(client)
    add_task(client, job, "echo go; sleep 300")
    add_task(client, job, task="waits")
    started(client, job)
    for task in ("waits", "t"):
        client.terminate_task(job, task)
        info = info_of(completed(client, job, task))
        assert info.failure_info is not None
        assert info.failure_info.code == "TaskEnded"
    assert code_of(refusal(lambda: client.terminate_task(job, "t"))) == "TaskCompleted"
    delete_job(client, job)


def test_deleting_a_running_task_frees_its_slot(client: BatchClient) -> None:
    job = make_job(client)
    add_task(client, job, "echo go; sleep 300")
    add_task(client, job, task="next")
    started(client, job)
    client.delete_task(job, "t")
    error = refusal(lambda: client.get_task(job, "t"))
    assert isinstance(error, ResourceNotFoundError)
    assert code_of(error) == "TaskNotFound"
    completed(client, job, "next")
    delete_job(client, job)


def test_reactivation(client: BatchClient, pool: batch.BatchPoolInfo) -> None:
    job = make_job(client, pool_info=pool)
    flag = 'cd "$AZ_BATCH_NODE_SHARED_DIR"; test -e seen || { touch seen; exit 1; }'
    add_task(client, job, flag, affinity_info=None)
    completed(client, job)
    client.create_pool(new_pool("again"))
    client.reactivate_task(job, "t")
    until(lambda: info_of(client.get_task(job, "t")).end_time is not None)
    completed(client, job)
    if info_of(client.get_task(job, "t")).exit_code == 0:
        assert code_of(refusal(lambda: client.reactivate_task(job, "t"))) == "TaskSucceeded"
    client._delete_pool_internal("again")


def test_a_collection_reports_each_task(client: BatchClient, pool: batch.BatchPoolInfo) -> None:
    job = make_job(client, pool_info=pool)
    tasks = [batch.BatchTaskCreateOptions(id=f"t{n}", command_line="/bin/true") for n in range(3)]
    tasks += [tasks[0], batch.BatchTaskCreateOptions(id="no good", command_line="x")]
    result = client.create_task_collection(job, batch.BatchTaskGroup(task_values=tasks))
    assert result.result_values is not None
    assert [item.status for item in result.result_values] == [
        *["success"] * 3,
        *["clienterror"] * 2,
    ]
    codes = [item.error.code for item in result.result_values if item.error]
    assert codes == ["TaskExists", "InvalidPropertyValue"]
    for number in range(3):
        completed(client, job, f"t{number}")


def test_slots(client: BatchClient) -> None:
    job = make_job(client, pool_info=auto_pool(task_slots_per_node=3))
    add_task(client, job, "echo go; sleep 300", task="two", required_slots=2)
    add_task(client, job, "echo go; sleep 300", task="one")
    add_task(client, job, task="waits")
    for task in ("two", "one"):
        started(client, job, task)
    assert client.get_task(job, "waits").state == batch.BatchTaskState.ACTIVE
    slots = client.get_job_task_counts(job).task_slot_counts
    assert (slots.running, slots.active) == (3, 1)
    client.terminate_task(job, "one")
    completed(client, job, "waits")
    delete_job(client, job)


def test_preparation_runs_once_a_node_and_before_the_tasks(client: BatchClient) -> None:
    job = make_job(
        client,
        pool_info=auto_pool(task_slots_per_node=4),
        job_preparation_task=batch.BatchJobPreparationTask(
            command_line="/bin/sh -c 'sleep 0.2; echo x >> \"$AZ_BATCH_NODE_SHARED_DIR/n\"'"
        ),
    )
    for number in range(4):
        add_task(client, job, 'cat "$AZ_BATCH_NODE_SHARED_DIR/n"', task=f"t{number}")
    assert client.get_task(job, "t0").state == batch.BatchTaskState.PREPARING
    for number in range(4):
        completed(client, job, f"t{number}")
        assert read(client, job, "stdout.txt", f"t{number}") == b"x\n"
    delete_job(client, job)


def test_a_failed_preparation_keeps_tasks_away(client: BatchClient) -> None:
    job = make_job(
        client,
        job_preparation_task=batch.BatchJobPreparationTask(
            command_line="/bin/sh -c 'echo broken >&2; exit 4'",
            constraints=batch.BatchTaskConstraints(max_task_retry_count=1),
        ),
    )
    add_task(client, job)

    def failed() -> batch.BatchJobPreparationAndReleaseTaskStatus | None:
        rows = list(client.list_job_preparation_and_release_task_status(job))
        info = rows[0].job_preparation_task_execution_info if rows else None
        return rows[0] if info and info.state == "completed" else None

    row = until(failed)
    info = row.job_preparation_task_execution_info
    assert info is not None
    assert info.failure_info is not None
    assert (info.exit_code, info.retry_count, info.result) == (4, 1, "failure")
    until(lambda: client.get_task(job, "t").state == batch.BatchTaskState.ACTIVE)
    assert row.pool_id is not None
    assert row.node_id is not None
    path = f"{info.task_root_directory}/stderr.txt"
    words = b"".join(client.download_node_file(row.pool_id, row.node_id, path))
    assert words == b"broken\n"
    delete_job(client, job)


def test_a_task_that_waits_for_its_preparation_can_be_ended(client: BatchClient) -> None:
    preparation = batch.BatchJobPreparationTask(command_line="/bin/sleep 300")
    job = make_job(client, job_preparation_task=preparation)
    add_task(client, job)
    until(lambda: client.get_task(job, "t").state == batch.BatchTaskState.PREPARING)
    client.terminate_task(job, "t")
    failure = info_of(completed(client, job)).failure_info
    assert failure is not None
    assert failure.code == "TaskEnded"
    delete_job(client, job)
