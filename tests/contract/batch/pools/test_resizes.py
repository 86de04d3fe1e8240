"""Resizes that are slow, run out of time, or are stopped."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import pytest
from azure.batch import BatchClient
from azure.batch import models as batch

from retrain.local.batch import BatchSettings
from tests.contract.batch.conftest import (
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


@contextmanager
def account(data: Path, environments: Path, seconds: float, speed: float) -> Iterator[BatchClient]:
    """A client of an emulator that takes its time."""
    settings = BatchSettings(
        data=data, environments=environments, allocation_seconds=seconds, speed=speed
    )
    with running(settings) as server, client_of(settings, server.endpoint) as client:
        yield client


def steady(client: BatchClient, pool: str) -> batch.BatchPool:
    def ask() -> batch.BatchPool | None:
        found = client.get_pool(pool)
        return found if found.allocation_state == batch.AllocationState.STEADY else None

    return until(ask)


def error_codes(pool: batch.BatchPool) -> list[str | None]:
    return [error.code for error in pool.resize_errors or ()]


def test_an_allocation_runs_out_of_time(tmp_path: Path, environments: Path) -> None:
    with account(tmp_path, environments, seconds=60, speed=3000) as client:
        client.create_pool(new_pool("p", resize_timeout=timedelta(minutes=5)))
        assert client.get_pool("p").resize_errors is None
        pool = steady(client, "p")
        assert error_codes(pool) == ["AllocationTimedout"]
        assert (pool.current_dedicated_nodes, pool.target_dedicated_nodes) == (0, 1)


def test_a_busy_node_stays_when_the_time_is_up(tmp_path: Path, environments: Path) -> None:
    flag = tmp_path / "flag"
    with account(tmp_path / "data", environments, seconds=0, speed=3000) as client:
        client.create_pool(new_pool("p", nodes=2))
        job = make_job(client, pool_info=batch.BatchPoolInfo(pool_id="p"))
        add_task(client, job, f"echo go; while ! test -e {flag}; do sleep 0.02; done")
        started(client, job)
        none = batch.BatchPoolResizeOptions(
            target_dedicated_nodes=0,
            node_deallocation_option="taskcompletion",
            resize_timeout=timedelta(minutes=5),
        )
        client._resize_pool_internal("p", none)
        pool = steady(client, "p")
        assert error_codes(pool) == ["AllocationTimedout"]
        (node,) = client.list_nodes("p")
        assert node.state == batch.BatchNodeState.RUNNING
        flag.touch()
        info = completed(client, job).execution_info
        assert info is not None
        assert (info.exit_code, info.requeue_count) == (0, 0)
        add_task(client, job, task="later")
        completed(client, job, "later")


def test_a_stopped_resize_leaves_what_there_is(tmp_path: Path, environments: Path) -> None:
    with account(tmp_path, environments, seconds=60, speed=1) as client:
        client.create_pool(new_pool("p"))
        client.begin_stop_pool_resize("p", polling_interval=0).result()
        pool = client.get_pool("p")
        assert (pool.allocation_state, error_codes(pool)) == ("steady", ["ResizeStopped"])
        assert (pool.current_dedicated_nodes, pool.target_dedicated_nodes) == (0, 1)
        again = refusal(lambda: client._stop_pool_resize_internal("p"))
        assert (again.status_code, code_of(again)) == (409, "OperationInvalidForCurrentState")


def test_a_stopped_shrinking_keeps_the_node(client: BatchClient, tmp_path: Path) -> None:
    flag = tmp_path / "flag"
    client.create_pool(new_pool("stops"))
    job = make_job(client, pool_info=batch.BatchPoolInfo(pool_id="stops"))
    add_task(client, job, f"echo go; while ! test -e {flag}; do sleep 0.02; done")
    started(client, job)
    none = batch.BatchPoolResizeOptions(
        target_dedicated_nodes=0, node_deallocation_option="taskcompletion"
    )
    client._resize_pool_internal("stops", none)
    client.begin_stop_pool_resize("stops", polling_interval=0).result()
    flag.touch()
    completed(client, job)
    add_task(client, job, task="later")
    completed(client, job, "later")
    client._delete_pool_internal("stops")


def test_a_resize_goes_on_after_a_restart(tmp_path: Path, environments: Path) -> None:
    with account(tmp_path, environments, seconds=60, speed=1) as client:
        client.create_pool(new_pool("p", nodes=2))
        assert client.get_pool("p").allocation_state == batch.AllocationState.RESIZING
    with account(tmp_path, environments, seconds=0, speed=1) as client:
        pool = steady(client, "p")
        assert (pool.current_dedicated_nodes, pool.resize_errors) == (2, None)


@pytest.mark.parametrize("minutes", [0.5, 4])
def test_a_timeout_has_five_minutes_at_least(client: BatchClient, minutes: float) -> None:
    short = timedelta(minutes=minutes)
    error = refusal(lambda: client.create_pool(new_pool("p", resize_timeout=short)))
    assert (error.status_code, code_of(error)) == (400, "InvalidPropertyValue")


def test_properties_of_a_pool_with_nodes(client: BatchClient) -> None:
    metadata = [batch.BatchMetadataItem(name="a", value="b")]
    start_task = batch.BatchStartTask(command_line="/bin/true")
    client.create_pool(new_pool("changes", start_task=start_task, metadata=metadata))
    slots = batch.BatchPoolUpdateOptions(task_slots_per_node=2)
    refused = refusal(lambda: client.update_pool("changes", slots))
    assert (refused.status_code, code_of(refused)) == (409, "OperationInvalidForCurrentState")
    empty = batch.BatchPoolReplaceOptions(application_package_references=[], metadata=[])
    client.replace_pool_properties("changes", empty)
    pool = client.get_pool("changes")
    assert (pool.start_task, pool.metadata) == (None, [])
    client._resize_pool_internal("changes", batch.BatchPoolResizeOptions(target_dedicated_nodes=0))
    until(lambda: client.get_pool("changes").allocation_state == batch.AllocationState.STEADY)
    client.update_pool("changes", slots)
    assert client.get_pool("changes").task_slots_per_node == 2
    client._delete_pool_internal("changes")


def test_a_typing_error_does_not_fill_the_machine(client: BatchClient) -> None:
    client.create_pool(new_pool("endless", nodes=2**31 - 1))
    until(lambda: client.get_pool("endless").allocation_state == "steady")
    found = client.get_pool("endless")
    assert found.current_dedicated_nodes == 1000
    assert found.resize_errors is not None
    assert [error.code for error in found.resize_errors] == ["AccountCoreQuotaReached"]
    client._delete_pool_internal("endless")
