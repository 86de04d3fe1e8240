"""Pools: their size, their nodes, their end."""

import time
from pathlib import Path
from typing import Any

import pytest
from azure.batch import BatchClient
from azure.batch import models as batch
from azure.core.exceptions import ResourceExistsError, ResourceNotFoundError

from retrain.local.batch import BatchSettings
from tests.contract.batch.conftest import (
    MACHINE,
    add_task,
    client_of,
    code_of,
    completed,
    make_job,
    new_pool,
    refusal,
    running,
    started,
    until,
)


def test_a_pool_has_its_nodes_when_it_is_created(client: BatchClient) -> None:
    client.create_pool(new_pool("p1", nodes=2, target_low_priority_nodes=1))
    pool = client.get_pool("P1")
    assert (pool.id, pool.state, pool.allocation_state) == ("p1", "active", "steady")
    assert (pool.current_dedicated_nodes, pool.current_low_priority_nodes) == (2, 1)
    nodes = list(client.list_nodes("p1"))
    assert [node.state for node in nodes] == ["idle"] * 3
    assert [node.is_dedicated for node in nodes] == [True, True, False]
    assert client.get_node("p1", nodes[0].id).url == nodes[0].url
    (counts,) = [count for count in client.list_pool_node_counts() if count.pool_id == "p1"]
    assert counts.dedicated is not None
    assert (counts.dedicated.idle, counts.dedicated.total) == (2, 2)
    assert client.pool_exists("p1")
    assert code_of(refusal(lambda: client.create_pool(new_pool("P1")))) == "PoolExists"
    assert code_of(refusal(lambda: client.get_node("p1", "tvm-x"))) == "NodeNotFound"
    client._delete_pool_internal("p1")
    error = refusal(lambda: client.get_pool("p1"))
    assert isinstance(error, ResourceNotFoundError)
    assert code_of(error) == "PoolNotFound"


def test_patching_changes_only_what_is_named(client: BatchClient) -> None:
    client.create_pool(new_pool("p2", nodes=0))
    metadata = [batch.BatchMetadataItem(name="a", value="b")]
    client.update_pool("p2", batch.BatchPoolUpdateOptions(metadata=metadata))
    pool = client.get_pool("p2")
    assert pool.metadata is not None
    assert (pool.metadata[0].value, pool.vm_size) == ("b", "STANDARD_D2S_V3")
    client._delete_pool_internal("p2")


@pytest.mark.parametrize(
    ("option", "state", "result"),
    [("requeue", "active", None), ("terminate", "completed", "failure")],
)
def test_shrinking(client: BatchClient, option: str, state: str, result: str | None) -> None:
    pool = f"shrinks-{option}"
    client.create_pool(new_pool(pool))
    job = make_job(client, pool_info=batch.BatchPoolInfo(pool_id=pool))
    add_task(client, job, "echo go; sleep 300")
    started(client, job)
    smaller = batch.BatchPoolResizeOptions(
        target_dedicated_nodes=0, node_deallocation_option=option
    )
    client._resize_pool_internal(pool, smaller)
    until(lambda: client.get_pool(pool).allocation_state == batch.AllocationState.STEADY)
    assert list(client.list_nodes(pool)) == []
    task = client.get_task(job, "t")
    assert task.state == state
    assert task.execution_info is not None
    assert task.execution_info.result == result
    client._delete_pool_internal(pool)


def test_shrinking_can_wait_for_the_tasks(client: BatchClient, tmp_path: Path) -> None:
    client.create_pool(new_pool("waits"))
    job = make_job(client, pool_info=batch.BatchPoolInfo(pool_id="waits"))
    flag = tmp_path / "flag"
    add_task(client, job, f"echo go; while ! test -e {flag}; do sleep 0.02; done")
    started(client, job)
    smaller = batch.BatchPoolResizeOptions(
        target_dedicated_nodes=0, node_deallocation_option="taskcompletion"
    )
    client._resize_pool_internal("waits", smaller)
    assert client.get_pool("waits").allocation_state == batch.AllocationState.RESIZING
    again = refusal(lambda: client._resize_pool_internal("waits", smaller))
    assert code_of(again) == "PoolBeingResized"
    (node,) = client.list_nodes("waits")
    assert node.state == batch.BatchNodeState.LEAVING_POOL
    flag.touch()
    info = completed(client, job).execution_info
    assert info is not None
    assert info.exit_code == 0
    until(lambda: client.get_pool("waits").current_dedicated_nodes == 0)
    client._delete_pool_internal("waits")


def test_deleting_a_pool_requeues_what_runs(client: BatchClient) -> None:
    client.create_pool(new_pool("going"))
    job = make_job(client, pool_info=batch.BatchPoolInfo(pool_id="going"))
    add_task(client, job, "echo go; sleep 300")
    started(client, job)
    client._delete_pool_internal("going")
    until(lambda: client.get_task(job, "t").state == batch.BatchTaskState.ACTIVE)
    until(lambda: "going" not in [pool.id for pool in client.list_pools()])


def test_allocation_takes_its_time(tmp_path: Path, environments: Path) -> None:
    settings = BatchSettings(data=tmp_path, environments=environments, allocation_seconds=0.3)
    with running(settings) as server, client_of(settings, server.endpoint) as client:
        before = time.monotonic()
        job = make_job(client)
        add_task(client, job)
        (pool,) = client.list_pools()
        assert pool.allocation_state == batch.AllocationState.RESIZING
        assert pool.current_dedicated_nodes in (0, 1)
        assert client.get_task(job, "t").state == batch.BatchTaskState.ACTIVE
        completed(client, job)
        assert time.monotonic() - before >= 0.3
        client._delete_pool_internal(pool.id)
        error = refusal(lambda: client._delete_pool_internal(pool.id))
        assert isinstance(error, ResourceExistsError)
        assert code_of(error) == "PoolBeingDeleted"


BAD: dict[str, tuple[dict[str, Any], str]] = {
    "no size": ({"vmSize": None}, "MissingRequiredProperty"),
    "a negative target": ({"targetDedicatedNodes": -1}, "InvalidPropertyValue"),
    "a text for a number": ({"targetDedicatedNodes": "2"}, "InvalidPropertyValue"),
    "a start task without a command": ({"startTask": {}}, "MissingRequiredProperty"),
    "a mount": ({"mountConfiguration": [{}]}, "UnsupportedProperty"),
    "a package": ({"applicationPackageReferences": [{}]}, "UnsupportedProperty"),
}


@pytest.mark.parametrize(("wrong", "code"), BAD.values(), ids=BAD)
def test_a_wrong_pool_is_refused(client: BatchClient, wrong: dict[str, Any], code: str) -> None:
    body = {"id": "p", "vmSize": "s", "virtualMachineConfiguration": MACHINE.as_dict(), **wrong}
    error = refusal(lambda: client.create_pool(body))  # type: ignore[arg-type]
    assert (error.status_code, code_of(error)) == (400, code)
