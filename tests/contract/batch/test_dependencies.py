"""Tasks that wait for others, and exits that end their job."""

from pathlib import Path
from typing import Any

import pytest
from azure.batch import BatchClient
from azure.batch import models as batch

from retrain.local.batch import BatchSettings
from tests.contract.batch.conftest import (
    add_task,
    auto_pool,
    client_of,
    code_of,
    completed,
    delete_job,
    in_state,
    make_job,
    new_pool,
    read,
    refusal,
    running,
    started,
    until,
)

TERMINATE = batch.BatchAllTasksCompleteMode.TERMINATE_JOB
ACTS = batch.BatchTaskFailureMode.PERFORM_EXIT_OPTIONS_JOB_ACTION


@pytest.fixture(scope="module")
def pool(client: BatchClient) -> batch.BatchPoolInfo:
    client.create_pool(new_pool("dependents", nodes=1, task_slots_per_node=4))
    return batch.BatchPoolInfo(pool_id="dependents")


def on(*ids: str, ranges: tuple[tuple[int, int], ...] = ()) -> batch.BatchTaskDependencies:
    return batch.BatchTaskDependencies(
        task_ids=list(ids),
        task_id_ranges=[batch.BatchTaskIdRange(start=a, end=b) for a, b in ranges],
    )


def exit_options(**options: Any) -> batch.ExitConditions:
    return batch.ExitConditions(default=batch.ExitOptions(**options))


def test_tasks_run_after_those_they_depend_on(
    client: BatchClient, pool: batch.BatchPoolInfo
) -> None:
    job = make_job(client, pool_info=pool, uses_task_dependencies=True)
    say = 'echo "$AZ_BATCH_TASK_ID" >> "$AZ_BATCH_NODE_SHARED_DIR/$AZ_BATCH_JOB_ID"'
    add_task(client, job, f"{say}; cat $AZ_BATCH_NODE_SHARED_DIR/{job}", "end", depends_on=on("C"))
    add_task(client, job, say, "c", depends_on=on(ranges=((1, 3),)))
    for number in (3, 1):
        add_task(client, job, say, str(number))
    assert client.get_task(job, "c").state == batch.BatchTaskState.ACTIVE
    assert client.get_job_task_counts(job).task_counts.active >= 2
    add_task(client, job, say, "2", depends_on=on("1", "3"))
    completed(client, job, "end")
    lines = read(client, job, "stdout.txt", "end").decode().split()
    assert sorted(lines[:2]) == ["1", "3"]
    assert lines[2:] == ["2", "c", "end"]


def test_a_failure_blocks_unless_it_is_said_to_satisfy(
    client: BatchClient, pool: batch.BatchPoolInfo
) -> None:
    job = make_job(
        client,
        pool_info=pool,
        uses_task_dependencies=True,
        all_tasks_complete_mode=batch.BatchAllTasksCompleteMode.NO_ACTION,
    )
    satisfy = exit_options(dependency_action=batch.DependencyAction.SATISFY)
    add_task(client, job, "exit 1", "blocks")
    add_task(client, job, "exit 1", "satisfies", exit_conditions=satisfy)
    add_task(client, job, task="never", depends_on=on("blocks", "satisfies"))
    add_task(client, job, task="runs", depends_on=on("satisfies"))
    completed(client, job, "runs")
    completed(client, job, "blocks")
    assert client.get_task(job, "never").state == batch.BatchTaskState.ACTIVE
    client.terminate_task(job, "never")
    ended = completed(client, job, "never").execution_info
    assert ended is not None
    assert ended.failure_info is not None
    assert ended.failure_info.code == "TaskEnded"


def test_a_reactivated_parent_lets_its_children_go(client: BatchClient) -> None:
    client.create_pool(new_pool("forgiving"))
    job = make_job(
        client, pool_info=batch.BatchPoolInfo(pool_id="forgiving"), uses_task_dependencies=True
    )
    add_task(client, job, 'cd "$AZ_BATCH_NODE_SHARED_DIR"; test -e f || { touch f; exit 1; }')
    add_task(client, job, task="child", depends_on=on("t"))
    completed(client, job)
    client.reactivate_task(job, "t")
    completed(client, job, "child")
    client._delete_pool_internal("forgiving")


def test_ids_that_wait_survive_a_restart(tmp_path: Path, environments: Path) -> None:
    settings = BatchSettings(data=tmp_path, environments=environments)
    with running(settings) as server, client_of(settings, server.endpoint) as client:
        job = make_job(client, pool_info=auto_pool(nodes=1), uses_task_dependencies=True)
        add_task(client, job, task="done")
        completed(client, job, "done")
        add_task(client, job, f"test -e {tmp_path}/go", "parent", depends_on=on("done"))
        completed(client, job, "parent")
        add_task(client, job, task="child", depends_on=on("parent", "done"))
        assert client.get_task(job, "child").state == batch.BatchTaskState.ACTIVE
    (tmp_path / "go").touch()
    with running(settings) as server, client_of(settings, server.endpoint) as client:
        assert client.get_task(job, "child").state == batch.BatchTaskState.ACTIVE
        client.reactivate_task(job, "parent")
        completed(client, job, "child")


def test_a_failed_task_ends_its_job(client: BatchClient, pool: batch.BatchPoolInfo) -> None:
    job = make_job(client, pool_info=pool, task_failure_mode=ACTS)
    add_task(client, job, "echo go; sleep 300", "long")
    started(client, job, "long")
    none = exit_options(job_action=batch.BatchJobActionKind.NONE)
    add_task(client, job, "exit 5", "forgiven", exit_conditions=none)
    completed(client, job, "forgiven")
    assert client.get_job(job).state == batch.BatchJobState.ACTIVE
    add_task(client, job, "exit 5", "fatal")
    info = in_state(client, job, "completed").execution_info
    assert info is not None
    assert info.termination_reason == "TaskFailed"
    assert completed(client, job, "long").execution_info is not None


def test_a_failed_task_disables_its_job(client: BatchClient, pool: batch.BatchPoolInfo) -> None:
    job = make_job(client, pool_info=pool, task_failure_mode=ACTS)
    add_task(client, job, "echo go; sleep 300", "long")
    started(client, job, "long")
    conditions = batch.ExitConditions(
        exit_codes=[
            batch.ExitCodeMapping(
                code=5,
                exit_options=batch.ExitOptions(job_action=batch.BatchJobActionKind.DISABLE),
            )
        ]
    )
    add_task(client, job, "exit 5", exit_conditions=conditions)
    in_state(client, job, "disabled")
    assert client.get_task(job, "long").state == batch.BatchTaskState.ACTIVE  # requeued
    client._enable_job_internal(job)
    in_state(client, job, "active")
    delete_job(client, job)


def test_all_complete_waits_for_those_that_wait(
    client: BatchClient, pool: batch.BatchPoolInfo
) -> None:
    job = make_job(client, pool_info=pool, uses_task_dependencies=True)
    add_task(client, job, "sleep 0.1", "1")
    add_task(client, job, "sleep 0.1", "2", depends_on=on("1"))
    client.update_job(job, batch.BatchJobUpdateOptions(all_tasks_complete_mode=TERMINATE))
    in_state(client, job, "completed")
    until(lambda: client.get_task(job, "2").state == batch.BatchTaskState.COMPLETED)


BAD: dict[str, tuple[dict[str, Any], dict[str, Any], str]] = {
    "no dependencies on the job": (
        {},
        {"depends_on": on("x")},
        "TaskDependenciesNotSpecifiedOnJob",
    ),
    "too many ids": (
        {"uses_task_dependencies": True},
        {"depends_on": on(*["x" * 64] * 1001)},
        "TaskDependencyListTooLong",
    ),
    "a range the wrong way": (
        {"uses_task_dependencies": True},
        {"depends_on": on(ranges=((3, 2),))},
        "InvalidPropertyValue",
    ),
    "an action the job does not take": (
        {},
        {"exit_conditions": exit_options(job_action="terminate")},
        "InvalidPropertyValue",
    ),
}


@pytest.mark.parametrize(("on_job", "on_task", "code"), BAD.values(), ids=BAD)
def test_refusals(
    client: BatchClient,
    pool: batch.BatchPoolInfo,
    on_job: dict[str, Any],
    on_task: dict[str, Any],
    code: str,
) -> None:
    job = make_job(client, pool_info=pool, **on_job)
    error = refusal(lambda: add_task(client, job, **on_task))
    assert (error.status_code, code_of(error)) == (400, code)
    delete_job(client, job)
