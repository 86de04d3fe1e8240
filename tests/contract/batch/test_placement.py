"""Which task runs where, and before whom: job managers, preemption, affinity, limits."""

from typing import Any

import pytest
from azure.batch import BatchClient
from azure.batch import models as batch

from tests.contract.batch.conftest import (
    add_task,
    auto_pool,
    code_of,
    completed,
    delete_job,
    in_state,
    make_job,
    new_pool,
    read,
    refusal,
    started,
    until,
)


def manager(script: str, **rest: Any) -> batch.BatchJobManagerTask:
    return batch.BatchJobManagerTask(id="manager", command_line=f"/bin/sh -c '{script}'", **rest)


def reason(client: BatchClient, job: str) -> str | None:
    info = in_state(client, job, "completed").execution_info
    assert info is not None
    return info.termination_reason


def test_a_manager_runs_alone_and_ends_its_job(client: BatchClient) -> None:
    pool = auto_pool(task_slots_per_node=4)
    job = make_job(client, pool_info=pool, job_manager_task=manager("echo go; sleep 300"))
    assert code_of(refusal(lambda: add_task(client, job, task="Manager"))) == "TaskExists"
    started(client, job, "manager")
    add_task(client, job, "echo go; sleep 300")
    found = client.get_task(job, "manager")
    assert "killJobOnCompletion" not in found
    assert found.state == batch.BatchTaskState.RUNNING
    assert client.get_task(job, "t").state == batch.BatchTaskState.ACTIVE  # not beside the manager
    client.terminate_task(job, "manager")
    assert reason(client, job) == "JMComplete"
    spec = client.get_job(job).job_manager_task
    assert spec is not None
    assert spec.id == "manager"


def test_a_manager_may_run_beside_others_and_leave_them(client: BatchClient) -> None:
    beside = manager("echo go; sleep 0.2", run_exclusive=False, kill_job_on_completion=False)
    pool = auto_pool(task_slots_per_node=2)
    job = make_job(client, pool_info=pool, job_manager_task=beside)
    add_task(client, job, "echo go; sleep 300")
    started(client, job)
    completed(client, job, "manager")
    assert client.get_job(job).state == batch.BatchJobState.ACTIVE
    assert client.get_task(job, "t").state == batch.BatchTaskState.RUNNING
    delete_job(client, job)


def test_a_manager_can_insist_on_a_dedicated_node(client: BatchClient) -> None:
    pool = auto_pool(nodes=0, target_low_priority_nodes=1)
    picky = manager("true", allow_low_priority_node=False)
    job = make_job(client, pool_info=pool, job_manager_task=picky)
    add_task(client, job)
    other = make_job(client, pool_info=pool, job_manager_task=manager("true"))
    assert reason(client, other) == "JMComplete"
    assert client.get_task(job, "manager").state == batch.BatchTaskState.ACTIVE
    delete_job(client, job)


def test_a_higher_priority_takes_the_place_of_a_lower(client: BatchClient) -> None:
    client.create_pool(new_pool("contested"))
    pool = batch.BatchPoolInfo(pool_id="contested")
    low = make_job(client, pool_info=pool, priority=1, allow_task_preemption=True)
    add_task(client, low, "echo go; sleep 300")
    started(client, low)
    same = make_job(client, pool_info=pool, priority=1)
    add_task(client, same)
    assert client.get_task(low, "t").state == batch.BatchTaskState.RUNNING
    high = make_job(client, pool_info=pool, priority=2)
    add_task(client, high)
    completed(client, high)
    info = client.get_task(low, "t").execution_info
    assert info is not None
    assert (info.requeue_count, info.retry_count) == (1, 0)
    started(client, low)  # it runs again, before the younger job of its own priority
    for job in (low, same, high):
        delete_job(client, job)
    client._delete_pool_internal("contested")


def test_who_does_not_allow_it_is_not_preempted(client: BatchClient) -> None:
    client.create_pool(new_pool("held"))
    pool = batch.BatchPoolInfo(pool_id="held")
    low = make_job(client, pool_info=pool, priority=1)
    add_task(client, low, "echo go; sleep 300")
    started(client, low)
    high = make_job(client, pool_info=pool, priority=2)
    add_task(client, high)
    assert client.get_task(high, "t").state == batch.BatchTaskState.ACTIVE
    client.terminate_task(low, "t")
    completed(client, high)
    client._delete_pool_internal("held")


def test_a_task_runs_where_another_did(client: BatchClient) -> None:
    client.create_pool(new_pool("near", nodes=4, task_slots_per_node=2))
    job = make_job(client, pool_info=batch.BatchPoolInfo(pool_id="near"))
    add_task(client, job, 'echo x > "$AZ_BATCH_NODE_SHARED_DIR/f"')
    node = completed(client, job).node_info
    assert node is not None
    assert node.affinity_id is not None
    near = batch.BatchAffinityInfo(affinity_id=node.affinity_id)
    for name in ("a", "b", "c"):
        add_task(client, job, 'cat "$AZ_BATCH_NODE_SHARED_DIR/f"', name, affinity_info=near)
        completed(client, job, name)
        assert read(client, job, "stdout.txt", name) == b"x\n"
    client._delete_pool_internal("near")


def test_no_more_at_once_than_the_job_allows(client: BatchClient) -> None:
    pool = auto_pool(task_slots_per_node=4)
    job = make_job(client, pool_info=pool, max_parallel_tasks=1)
    for name in ("a", "b"):
        add_task(client, job, "echo go; sleep 300", name)
    started(client, job, "a")
    assert client.get_task(job, "b").state == batch.BatchTaskState.ACTIVE
    client.update_job(job, batch.BatchJobUpdateOptions(max_parallel_tasks=-1))
    started(client, job, "b")
    change = batch.BatchJobUpdateOptions(max_parallel_tasks=0)
    assert code_of(refusal(lambda: client.update_job(job, change))) == "InvalidPropertyValue"
    delete_job(client, job)


OPTIONS = {"requeue": "active", "terminate": "completed", "wait": "running"}


@pytest.mark.parametrize(("option", "state"), OPTIONS.items(), ids=OPTIONS)
def test_disabling_a_job(client: BatchClient, option: str, state: str) -> None:
    job = make_job(client)
    add_task(client, job, "echo go; sleep 300")
    started(client, job)
    client._disable_job_internal(job, batch.BatchJobDisableOptions(disable_tasks=option))
    until(lambda: client.get_task(job, "t").state == state)
    waits = option == "wait"
    assert client.get_job(job).state == ("disabling" if waits else "disabled")
    if waits:
        client.terminate_task(job, "t")
        in_state(client, job, "disabled")
    delete_job(client, job)


def test_ending_a_job_by_force_skips_its_release(client: BatchClient) -> None:
    job = make_job(
        client,
        job_preparation_task=batch.BatchJobPreparationTask(command_line="/bin/true"),
        job_release_task=batch.BatchJobReleaseTask(command_line="/bin/sleep 300"),
    )
    add_task(client, job)
    completed(client, job)
    ending: Any = {"terminateReason": "now"}
    client._terminate_job_internal(job, ending, force=True)
    assert reason(client, job) == "now"
