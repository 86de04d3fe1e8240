"""What the cloud does to nodes: gives too few, takes them away, loses them."""

from pathlib import Path

import pytest
from azure.batch import BatchClient
from azure.batch import models as batch

from retrain.local.batch import BatchServer, BatchSettings
from retrain.local.batch.allocation import Demand, Grant, Plenty, ResizeError
from retrain.local.batch.compute_node import ComputeNode
from retrain.local.batch.service import Service
from tests.contract.batch.conftest import (
    add_task,
    client_of,
    completed,
    make_job,
    new_pool,
    node_in,
    running,
    started,
    until,
    within,
)


def only_node(service: Service, pool: str) -> ComputeNode:
    (node,) = service.account.pool(pool).nodes.values()
    return node


def spot_job(client: BatchClient, pool: str, flag: Path) -> str:
    """A task that runs on a spot node until the flag is there, and waits to be preempted."""
    client.create_pool(new_pool(pool, nodes=0, target_low_priority_nodes=1))
    job = make_job(client, pool_info=batch.BatchPoolInfo(pool_id=pool))
    script = f"echo go $AZ_BATCH_NODE_IS_DEDICATED; while ! test -e {flag}; do sleep 0.02; done"
    add_task(client, job, script)
    started(client, job, line=b"go false")
    return job


def test_a_preempted_node_gives_its_task_back_and_returns(
    server: BatchServer, client: BatchClient, tmp_path: Path
) -> None:
    flag = tmp_path / "flag"
    job = spot_job(client, "spot", flag)
    (before,) = client.list_nodes("spot")
    assert before.id.endswith("_p")
    within(server, lambda service: service.fleet.preempt(only_node(service, "spot")))
    flag.touch()
    info = completed(client, job).execution_info
    assert info is not None
    assert (info.exit_code, info.requeue_count, info.retry_count) == (0, 1, 0)
    (after,) = client.list_nodes("spot")
    assert after.id == before.id
    assert after.allocation_time > before.allocation_time
    client._delete_pool_internal("spot")


def test_a_dedicated_node_is_never_preempted(server: BatchServer, client: BatchClient) -> None:
    client.create_pool(new_pool("dedicated"))
    with pytest.raises(ValueError, match="only low-priority"):
        within(server, lambda service: service.fleet.preempt(only_node(service, "dedicated")))
    client._delete_pool_internal("dedicated")


def test_an_unusable_node_says_why_and_its_task_goes_elsewhere(
    server: BatchServer, client: BatchClient, tmp_path: Path
) -> None:
    flag = tmp_path / "flag"
    client.create_pool(new_pool("unusable"))
    job = make_job(client, pool_info=batch.BatchPoolInfo(pool_id="unusable"))
    add_task(client, job, f"echo go; test -e {flag} || sleep 300")
    started(client, job)
    flag.touch()
    within(server, lambda service: service.fleet.mark_unusable(only_node(service, "unusable")))
    node = node_in(client, "unusable", "unusable")
    assert node.errors is not None
    assert node.errors[0].code == "NodeAgentUnreachable"
    until(lambda: client.get_task(job, "t").state == batch.BatchTaskState.ACTIVE)
    client._resize_pool_internal("unusable", batch.BatchPoolResizeOptions(target_dedicated_nodes=2))
    info = completed(client, job).execution_info
    assert info is not None
    assert info.requeue_count == 1
    client._delete_pool_internal("unusable")


class Scarce(Plenty):
    """Never more than so many dedicated nodes at once; no spot ones until told."""

    def __init__(self, dedicated: int) -> None:
        super().__init__()
        self._dedicated = dedicated
        self.spot = False

    def grant(self, demand: Demand) -> Grant:
        got = min(demand.dedicated, self._dedicated)
        low = demand.low_priority if self.spot else 0
        short = got < demand.dedicated or low < demand.low_priority
        errors = (ResizeError.of("AccountCoreQuotaReached", Quota="2"),) if short else ()
        return Grant(0.0, got, low, errors)


def test_a_pool_says_why_it_has_too_few_nodes(tmp_path: Path, environments: Path) -> None:
    settings = BatchSettings(data=tmp_path, environments=environments)
    scarce = Scarce(dedicated=2)
    with running(settings, scarce) as server, client_of(settings, server.endpoint) as client:
        client.create_pool(new_pool("p", nodes=3))
        pool = client.get_pool("p")
        assert (pool.allocation_state, pool.target_dedicated_nodes) == ("steady", 3)
        assert pool.current_dedicated_nodes == 2
        assert pool.resize_errors is not None
        (error,) = pool.resize_errors
        assert error.code == "AccountCoreQuotaReached"
        assert error.message == "The specified account has reached core quota"
        assert error.error_values is not None
        assert error.error_values[0].value == "2"
    with running(settings, scarce) as server, client_of(settings, server.endpoint) as client:
        pool = client.get_pool("p")
        assert pool.resize_errors is not None
        assert (pool.current_dedicated_nodes, len(pool.resize_errors)) == (2, 1)
        client._resize_pool_internal("p", batch.BatchPoolResizeOptions(target_dedicated_nodes=1))
        pool = client.get_pool("p")
        assert (pool.current_dedicated_nodes, pool.resize_errors) == (1, None)


def test_a_preempted_node_stays_so_while_there_is_no_machine(
    tmp_path: Path, environments: Path
) -> None:
    settings = BatchSettings(data=tmp_path / "data", environments=environments)
    flag = tmp_path / "flag"
    scarce = Scarce(dedicated=0)
    scarce.spot = True
    with running(settings, scarce) as server, client_of(settings, server.endpoint) as client:
        job = spot_job(client, "p", flag)
        scarce.spot = False
        within(server, lambda service: service.fleet.preempt(only_node(service, "p")))
        until(lambda: client.get_task(job, "t").state == batch.BatchTaskState.ACTIVE)
        node = node_in(client, "p", "preempted")
        (counts,) = client.list_pool_node_counts()
        assert counts.low_priority is not None
        assert (counts.low_priority.preempted, counts.low_priority.total) == (1, 1)
    with running(settings, scarce) as server, client_of(settings, server.endpoint) as client:
        assert node_in(client, "p", "preempted").id == node.id
    flag.touch()
    scarce.spot = True
    with running(settings, scarce) as server, client_of(settings, server.endpoint) as client:
        completed(client, job)


def test_a_job_is_prepared_anew_on_a_node_that_lost_its_files(
    server: BatchServer, client: BatchClient
) -> None:
    client.create_pool(new_pool("anew", nodes=0, target_low_priority_nodes=1))
    preparation = batch.BatchJobPreparationTask(
        command_line="/bin/sh -c 'echo ready > $AZ_BATCH_NODE_SHARED_DIR/ready'",
        rerun_on_node_reboot_after_success=False,
    )
    release = batch.BatchJobReleaseTask(command_line="/bin/true")
    pool = batch.BatchPoolInfo(pool_id="anew")
    job = make_job(
        client, pool_info=pool, job_preparation_task=preparation, job_release_task=release
    )
    add_task(client, job, "cat $AZ_BATCH_NODE_SHARED_DIR/ready", "before")
    completed(client, job, "before")
    within(server, lambda service: service.fleet.preempt(only_node(service, "anew")))
    add_task(client, job, "cat $AZ_BATCH_NODE_SHARED_DIR/ready", "after")
    info = completed(client, job, "after").execution_info
    assert info is not None
    assert info.exit_code == 0
    (node,) = client.list_nodes("anew")
    within(
        server, lambda service: service.fleet.mark_unusable(service.account.node("anew", node.id))
    )
    end = batch.BatchAllTasksCompleteMode.TERMINATE_JOB
    client.update_job(job, batch.BatchJobUpdateOptions(all_tasks_complete_mode=end))
    until(lambda: client.get_job(job).state == batch.BatchJobState.COMPLETED)
    (status,) = client.list_job_preparation_and_release_task_status(job)
    assert status.job_release_task_execution_info is None  # nobody reaches the node
    client._delete_pool_internal("anew")
