"""Nodes sent on their ways by the client.

Options are always given: without any, azure-batch 15.1 can't serialize its own content type.
"""

from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from azure.batch import BatchClient
from azure.batch import models as batch
from azure.batch.models._models import (  # not exported by the SDK, which asks for them
    BatchNodeDeallocateOptions,
    BatchNodeDisableSchedulingOptions,
    BatchNodeRebootOptions,
    BatchNodeReimageOptions,
)

from retrain.local.batch import BatchServer
from tests.contract.batch.conftest import (
    add_task,
    code_of,
    completed,
    make_job,
    new_pool,
    node_in,
    read,
    refusal,
    started,
    until,
    within,
)


@pytest.fixture
def pool(client: BatchClient, request: pytest.FixtureRequest) -> Iterator[str]:
    """A pool of one node that counts its boots, with the name of the test."""
    name = request.node.name.translate(str.maketrans("[", "-", "]"))[:60]
    task = batch.BatchStartTask(command_line="/bin/sh -c 'echo boot >> ../../shared/boots'")
    client.create_pool(new_pool(name, start_task=task))
    node_in(client, name, "idle")
    yield name
    client._delete_pool_internal(name)


REBOOT = BatchNodeRebootOptions(node_reboot_kind="requeue")
REIMAGE = BatchNodeReimageOptions(node_reimage_option="requeue")
DEALLOCATE = BatchNodeDeallocateOptions(node_deallocate_option="requeue")
DISABLE = BatchNodeDisableSchedulingOptions(node_disable_scheduling_option="requeue")


def node_of(client: BatchClient, pool: str) -> batch.BatchNode:
    (node,) = client.list_nodes(pool)
    return node


def boots(client: BatchClient, pool: str) -> int:
    (node,) = client.list_nodes(pool)
    return b"".join(client.download_node_file(pool, node.id, "shared/boots")).count(b"boot")


def job_on(client: BatchClient, pool: str) -> str:
    return make_job(client, pool_info=batch.BatchPoolInfo(pool_id=pool))


def test_a_reboot_runs_the_present_start_task(client: BatchClient, pool: str) -> None:
    before = node_of(client, pool)
    changed = batch.BatchStartTask(command_line="/bin/sh -c 'echo new boot >> ../../shared/boots'")
    client.update_pool(pool, batch.BatchPoolUpdateOptions(start_task=changed))
    unchanged = node_of(client, pool).start_task
    assert unchanged is not None
    assert unchanged.command_line != changed.command_line
    client.begin_reboot_node(pool, before.id, REBOOT, polling_interval=0).result()
    after = node_in(client, pool, "idle")
    assert after.id == before.id
    assert after.last_boot_time > before.last_boot_time
    assert after.start_task is not None
    assert after.start_task.command_line == changed.command_line
    assert boots(client, pool) == 2


def test_a_reimaged_node_has_lost_its_files(client: BatchClient, pool: str) -> None:
    job = job_on(client, pool)
    add_task(client, job)
    completed(client, job)
    client.begin_reimage_node(pool, node_of(client, pool).id, REIMAGE, polling_interval=0).result()
    node_in(client, pool, "idle")
    assert boots(client, pool) == 1
    assert code_of(refusal(lambda: read(client, job, "stdout.txt"))) == "FileNotFound"


def test_a_deallocated_node_is_started_again(client: BatchClient, pool: str) -> None:
    node = node_of(client, pool).id
    assert code_of(refusal(lambda: client.begin_start_node(pool, node))) == (
        "OperationInvalidForCurrentState"
    )
    client.begin_deallocate_node(pool, node, DEALLOCATE, polling_interval=0).result()
    until(lambda: node_of(client, pool).state == batch.BatchNodeState.DEALLOCATED)
    job = job_on(client, pool)
    add_task(client, job)
    assert code_of(refusal(lambda: client.begin_reboot_node(pool, node, REBOOT))) == (
        "OperationInvalidForCurrentState"
    )
    (counts,) = [count for count in client.list_pool_node_counts() if count.pool_id == pool]
    assert counts.dedicated is not None
    assert (counts.dedicated.deallocated, counts.dedicated.total) == (1, 1)
    assert client.get_task(job, "t").state == batch.BatchTaskState.ACTIVE
    client.begin_start_node(pool, node, polling_interval=0).result()
    completed(client, job)


@pytest.mark.parametrize(
    ("option", "state", "requeues"), [("requeue", "active", 1), ("terminate", "completed", 0)]
)
def test_a_rebooting_node_ends_what_runs(
    client: BatchClient, pool: str, tmp_path: Path, option: str, state: str, requeues: int
) -> None:
    job = job_on(client, pool)
    flag = tmp_path / "flag"
    add_task(client, job, f"echo go; test -e {flag} || sleep 300")
    started(client, job)
    client.disable_node_scheduling(
        pool,
        node_of(client, pool).id,
        BatchNodeDisableSchedulingOptions(node_disable_scheduling_option="taskcompletion"),
    )
    options = BatchNodeRebootOptions(node_reboot_kind=option)
    client.begin_reboot_node(pool, node_of(client, pool).id, options, polling_interval=0).result()
    until(lambda: client.get_task(job, "t").state == state)
    info = client.get_task(job, "t").execution_info
    assert info is not None
    assert info.requeue_count == requeues
    node = node_in(client, pool, "offline")
    assert node.scheduling_state == batch.SchedulingState.DISABLED
    flag.touch()
    client.enable_node_scheduling(pool, node.id)
    completed(client, job)


def test_a_reboot_can_wait_for_the_tasks(client: BatchClient, pool: str, tmp_path: Path) -> None:
    job = job_on(client, pool)
    flag = tmp_path / "flag"
    add_task(client, job, f"echo go; while ! test -e {flag}; do sleep 0.02; done")
    started(client, job)
    node = node_of(client, pool).id
    options = BatchNodeRebootOptions(node_reboot_kind="taskcompletion")
    client._reboot_node_internal(pool, node, options)
    assert node_of(client, pool).state == batch.BatchNodeState.REBOOTING
    again = refusal(lambda: client._reboot_node_internal(pool, node, REBOOT))
    assert (again.status_code, code_of(again)) == (409, "NodeBeingRebooted")
    add_task(client, job, task="later")
    flag.touch()
    info = completed(client, job).execution_info
    assert info is not None
    assert (info.exit_code, info.requeue_count) == (0, 0)
    completed(client, job, "later")
    assert boots(client, pool) == 2


def test_retained_data_is_waited_for(client: BatchClient, pool: str) -> None:
    job = job_on(client, pool)
    for task, retention in ("short", timedelta(milliseconds=1)), ("long", timedelta(days=1)):
        constraints = batch.BatchTaskConstraints(retention_time=retention)
        add_task(client, job, task=task, constraints=constraints)
        completed(client, job, task)
    options = BatchNodeReimageOptions(node_reimage_option="retaineddata")
    client._reimage_node_internal(pool, node_of(client, pool).id, options)
    assert node_of(client, pool).state == batch.BatchNodeState.REIMAGING
    client.delete_task(job, "long")
    node_in(client, pool, "idle")


@pytest.mark.parametrize(("option", "state"), [("requeue", "active"), ("terminate", "completed")])
def test_a_node_without_scheduling_takes_no_tasks(
    client: BatchClient, pool: str, option: str, state: str
) -> None:
    job = job_on(client, pool)
    add_task(client, job, "echo go; sleep 300")
    started(client, job)
    node = node_of(client, pool).id
    options = BatchNodeDisableSchedulingOptions(node_disable_scheduling_option=option)
    client.disable_node_scheduling(pool, node, options)
    until(lambda: client.get_task(job, "t").state == state)
    found = node_in(client, pool, "offline")
    assert found.scheduling_state == batch.SchedulingState.DISABLED
    again = refusal(lambda: client.disable_node_scheduling(pool, node, DISABLE))
    assert (again.status_code, code_of(again)) == (409, "NodeAlreadyInTargetSchedulingState")
    client.terminate_task(job, "t") if state == "active" else None
    client.enable_node_scheduling(pool, node)
    assert node_in(client, pool, "idle").scheduling_state == batch.SchedulingState.ENABLED
    again = refusal(lambda: client.enable_node_scheduling(pool, node))
    assert code_of(again) == "NodeAlreadyInTargetSchedulingState"


def test_removed_nodes_are_not_replaced(client: BatchClient) -> None:
    client.create_pool(new_pool("removes", nodes=2, target_low_priority_nodes=1))
    gone = [node for node in client.list_nodes("removes") if not node.is_dedicated]
    gone += [node for node in client.list_nodes("removes") if node.is_dedicated][1:]
    options = batch.BatchNodeRemoveOptions(node_ids=[node.id for node in gone])
    client.begin_remove_nodes("removes", options, polling_interval=0).result()
    (left,) = client.list_nodes("removes")
    assert left.id not in [node.id for node in gone]
    pool = client.get_pool("removes")
    assert (pool.target_dedicated_nodes, pool.target_low_priority_nodes) == (1, 0)
    unknown = refusal(lambda: client.begin_remove_nodes("removes", options))
    assert (unknown.status_code, code_of(unknown)) == (404, "NodeNotFound")
    none = batch.BatchNodeRemoveOptions(node_ids=[])
    wrong = refusal(lambda: client.begin_remove_nodes("removes", none))
    assert (wrong.status_code, code_of(wrong)) == (400, "InvalidPropertyValue")
    client._delete_pool_internal("removes")


def test_an_unusable_node_comes_back_by_a_reboot(
    server: BatchServer, client: BatchClient, pool: str
) -> None:
    def lose(node: str) -> None:
        within(server, lambda s: s.fleet.mark_unusable(s.account.node(pool, node), "Lost", "gone"))

    node = node_of(client, pool).id
    lose(node)
    found = node_in(client, pool, "unusable")
    assert found.errors is not None
    assert (found.errors[0].code, found.errors[0].message) == ("Lost", "gone")
    refused = refusal(lambda: client.disable_node_scheduling(pool, node, DISABLE))
    assert code_of(refused) == "NodeStateUnusable"
    client.begin_reboot_node(pool, node, REBOOT, polling_interval=0).result()
    assert node_in(client, pool, "idle").errors is None


UNKNOWN: dict[str, Callable[[BatchClient], object]] = {
    "get": lambda client: client.get_node("unknown-nodes", "x"),
    "reboot": lambda client: client._reboot_node_internal("unknown-nodes", "x", REBOOT),
    "reimage": lambda client: client._reimage_node_internal("unknown-nodes", "x", REIMAGE),
    "start": lambda client: client._start_node_internal("unknown-nodes", "x"),
    "deallocate": lambda client: client._deallocate_node_internal("unknown-nodes", "x", DEALLOCATE),
    "disable": lambda client: client.disable_node_scheduling("unknown-nodes", "x", DISABLE),
    "enable": lambda client: client.enable_node_scheduling("unknown-nodes", "x"),
    "log in": lambda client: client.get_node_remote_login_settings("unknown-nodes", "x"),
}


@pytest.mark.parametrize("call", UNKNOWN.values(), ids=UNKNOWN)
def test_a_node_that_is_not_there(
    client: BatchClient, call: Callable[[BatchClient], object]
) -> None:
    pool = refusal(lambda: call(client))
    assert (pool.status_code, code_of(pool)) == (404, "PoolNotFound")
    client.create_pool(new_pool("unknown-nodes", nodes=0))
    node = refusal(lambda: call(client))
    assert (node.status_code, code_of(node)) == (404, "NodeNotFound")
    client._delete_pool_internal("unknown-nodes")
