"""What befalls pools and nodes of Batch, as the unmodified SDK shows it."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from azure.batch import BatchClient
from azure.batch import models as batch_models

from retrain.local.batch import BatchServer
from retrain.local.faults import Faults, Plan, batch, seconds
from tests.contract.batch.conftest import (
    add_task,
    auto_pool,
    code_of,
    completed,
    delete_job,
    gone,
    job_name,
    make_job,
    new_pool,
    refusal,
    started,
    until,
)
from tests.contract.faults.batch_service import client_of, control, faulty_batch


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[BatchServer]:
    with faulty_batch(tmp_path_factory.mktemp("batch")) as server:
        yield server


@pytest.fixture
def faults(server: BatchServer) -> Faults:
    """Empty, and with nothing remembered."""
    server.faults.replace(Plan())
    return server.faults


@pytest.fixture(scope="module")
def client(server: BatchServer) -> Iterator[BatchClient]:
    with client_of(server) as client:
        yield client


def at(pool: str) -> batch.PoolWhere:
    return batch.PoolWhere(pool=pool)


def steady(client: BatchClient, pool: str) -> batch_models.BatchPool:
    """The pool when its resize is over."""

    def ask() -> batch_models.BatchPool | None:
        found = client.get_pool(pool)
        return found if found.allocation_state == "steady" else None

    return until(ask)


FAILURES = {
    "no capacity": ("AllocationFailed", 0),
    "too slow": ("AllocationTimedout", 1),
    "no quota": ("AccountCoreQuotaReached", 0),
}


@pytest.mark.parametrize(("code", "nodes"), FAILURES.values(), ids=FAILURES)
def test_an_allocation_that_fails(
    client: BatchClient, faults: Faults, code: str, nodes: int
) -> None:
    name = job_name()
    faults.add(batch.AllocationFailure(where=at(name), code=code, nodes=nodes, times=1))
    client.create_pool(new_pool(name, nodes=2))
    pool = steady(client, name)
    assert (pool.current_dedicated_nodes, pool.target_dedicated_nodes) == (nodes, 2)
    assert [error.code for error in pool.resize_errors or []] == [code]
    assert all(error.message for error in pool.resize_errors or [])
    resize = batch_models.BatchPoolResizeOptions(target_dedicated_nodes=3)
    client._resize_pool_internal(name, resize)
    pool = steady(client, name)
    assert pool.current_dedicated_nodes == 3
    assert not pool.resize_errors


def test_an_allocation_that_takes_its_time(client: BatchClient, faults: Faults) -> None:
    name = job_name()
    faults.add(batch.SlowAllocation(where=at(name), seconds=seconds(0.5)))
    client.create_pool(new_pool(name))
    assert client.get_pool(name).allocation_state == "resizing"
    assert steady(client, name).current_dedicated_nodes == 1


def test_a_start_task_that_fails(client: BatchClient, faults: Faults) -> None:
    name = job_name()
    faults.add(batch.StartTaskFailure(where=batch.NodeWhere(pool=name), exit_code=3, times=1))
    start = batch_models.BatchStartTask(command_line="true", wait_for_success=True)
    client.create_pool(new_pool(name, nodes=2, start_task=start))

    def over() -> dict[Any, batch_models.BatchNode] | None:
        found = {node.state: node for node in client.list_nodes(name)}
        return found if found.keys() == {"idle", "starttaskfailed"} else None

    failed = until(over)["starttaskfailed"]
    assert failed.start_task_info is not None
    assert failed.start_task_info.exit_code == 3
    assert failed.start_task_info.failure_info is not None
    assert failed.start_task_info.failure_info.code == "FailureExitCode"


def test_a_node_that_is_unusable_as_soon_as_it_is_up(client: BatchClient, faults: Faults) -> None:
    name = job_name()
    faults.add(batch.UnusableNode(where=batch.NodeWhere(pool=name), times=1))
    client.create_pool(new_pool(name))
    until(lambda: [node.state for node in client.list_nodes(name)] == ["unusable"])
    (node,) = client.list_nodes(name)
    assert [error.code for error in node.errors or []] == ["NodeAgentUnreachable"]


def waiting_job(client: BatchClient, flag: Path, pool: batch_models.BatchPoolInfo) -> str:
    """A job whose task runs until the flag is there."""
    job = make_job(client, pool_info=pool)
    add_task(client, job, f"echo go; while ! test -e {flag}; do sleep 0.02; done")
    return job


def test_a_preemption_in_the_middle_of_a_task(
    client: BatchClient, faults: Faults, tmp_path: Path
) -> None:
    name, flag = job_name(), tmp_path / "flag"
    rule = batch.Preemption(where=batch.TaskWhere(pool=name), seconds=seconds(0.1), times=2)
    faults.add(rule)
    client.create_pool(new_pool(name, nodes=0, target_low_priority_nodes=1))
    job = waiting_job(client, flag, batch_models.BatchPoolInfo(pool_id=name))
    until(lambda: len(faults.last) == 2)
    flag.touch()
    info = completed(client, job).execution_info
    assert info is not None
    assert (info.exit_code, info.retry_count) == (0, 0)
    assert info.requeue_count in (1, 2)  # the flag may have come before the second


def test_a_dedicated_node_is_never_preempted(client: BatchClient, faults: Faults) -> None:
    name = faults.add(batch.Preemption())
    job = make_job(client, pool_info=auto_pool())
    add_task(client, job, "true")
    info = completed(client, job).execution_info
    assert info is not None
    assert info.requeue_count == 0
    assert faults.tally(name).matches == 0


def test_a_node_that_is_lost_in_the_middle_of_a_task(
    client: BatchClient, faults: Faults, tmp_path: Path
) -> None:
    name, flag = job_name(), tmp_path / "flag"
    faults.add(batch.NodeLoss(where=batch.TaskWhere(pool=name), times=1))
    client.create_pool(new_pool(name, nodes=2))
    job = waiting_job(client, flag, batch_models.BatchPoolInfo(pool_id=name))
    until(lambda: "unusable" in [node.state for node in client.list_nodes(name)])
    flag.touch()
    info = completed(client, job).execution_info
    assert info is not None
    assert (info.exit_code, info.requeue_count) == (0, 1)


def test_an_auto_pool_outlives_its_job(client: BatchClient, faults: Faults) -> None:
    faults.add(batch.LeakedAutoPool(times=1))
    job = make_job(client, pool_info=auto_pool())
    pool = client.get_job(job).execution_info
    assert pool is not None
    delete_job(client, job)
    gone(client, job)
    assert client.get_pool(str(pool.pool_id)).state == "active"


def test_an_id_stays_taken_while_its_job_is_deleted(client: BatchClient, faults: Faults) -> None:
    job = make_job(client, pool_info=auto_pool())
    faults.add(batch.SlowDeletion(where=batch.DeletionWhere(job=job), seconds=seconds(1)))
    delete_job(client, job)
    again = batch_models.BatchJobCreateOptions(id=job, pool_info=auto_pool())
    assert code_of(refusal(lambda: client.create_job(again))) == "JobBeingDeleted"
    gone(client, job)
    client.create_job(again)


def test_an_id_stays_taken_while_its_pool_is_deleted(client: BatchClient, faults: Faults) -> None:
    name = job_name()
    faults.add(batch.SlowDeletion(where=batch.DeletionWhere(pool=name), seconds=seconds(1)))
    client.create_pool(new_pool(name))
    client._delete_pool_internal(name)
    assert code_of(refusal(lambda: client.create_pool(new_pool(name)))) == "PoolBeingDeleted"
    until(lambda: name not in [pool.id for pool in client.list_pools()])
    client.create_pool(new_pool(name))


def test_actions_take_nodes_at_once(
    server: BatchServer, client: BatchClient, faults: Faults, tmp_path: Path
) -> None:
    name, flag = job_name(), tmp_path / "flag"
    client.create_pool(new_pool(name, nodes=0, target_low_priority_nodes=1))
    job = waiting_job(client, flag, batch_models.BatchPoolInfo(pool_id=name))
    started(client, job)
    with control(server) as ask:
        (node,) = client.list_nodes(name)
        assert ask("batch/preempt", {"pool": name}) == (200, {"nodes": [node.id]})
        flag.touch()
        info = completed(client, job).execution_info
        assert info is not None
        assert info.requeue_count == 1
        assert ask("batch/unusable", {"pool": name, "node": node.id})[0] == 200
        until(lambda: [each.state for each in client.list_nodes(name)] == ["unusable"])


WRONG: dict[str, tuple[str, dict[str, Any], str]] = {
    "no pool": ("batch/preempt", {}, "pool"),
    "no such pool": ("batch/unusable", {"pool": "nowhere"}, "pool"),
    "no such node": ("batch/unusable", {"pool": "wrong", "node": "n"}, "node"),
    "only dedicated nodes": ("batch/preempt", {"pool": "wrong"}, "pool"),
    "an unknown field": ("batch/preempt", {"pools": "wrong"}, "pools"),
}


def test_actions_say_which_field_is_wrong(server: BatchServer, client: BatchClient) -> None:
    client.create_pool(new_pool("wrong"))
    with control(server) as ask:
        for action, body, field in WRONG.values():
            status, told = ask(action, body)
            assert (status, [each["field"] for each in told["problems"]]) == (400, [field])
