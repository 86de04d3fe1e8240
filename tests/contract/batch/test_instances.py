"""Multi-instance tasks: several nodes, coordinated, with the subtasks' own story."""

from collections.abc import Iterator
from typing import Any

import pytest
from azure.batch import BatchClient
from azure.batch import models as batch

from tests.contract.batch.conftest import (
    add_task,
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
from tests.contract.batch.test_models import flaws


@pytest.fixture(scope="module")
def pool(client: BatchClient) -> Iterator[batch.BatchPoolInfo]:
    client.create_pool(new_pool("linked", nodes=3, enable_inter_node_communication=True))
    yield batch.BatchPoolInfo(pool_id="linked")
    client._delete_pool_internal("linked")


def several(script: str, number: int = 3, **rest: Any) -> batch.MultiInstanceSettings:
    return batch.MultiInstanceSettings(
        number_of_instances=number, coordination_command_line=f"/bin/sh -c '{script}'", **rest
    )


def subtasks(client: BatchClient, job: str, task: str = "t") -> list[batch.BatchSubtask]:
    return list(client.list_subtasks(job, task))


def file_of(client: BatchClient, info: batch.BatchNodeInfo, path: str) -> bytes:
    assert info.node_id is not None
    found = client.download_node_file("linked", info.node_id, f"{info.task_root_directory}/{path}")
    return b"".join(found)


def test_every_node_is_coordinated_before_the_first_one_starts(
    client: BatchClient, pool: batch.BatchPoolInfo
) -> None:
    job = make_job(client, pool_info=pool)
    seen = "$AZ_BATCH_NODE_ROOT_DIR/../coordinated"
    main = f'wc -l < "{seen}"; echo $AZ_BATCH_IS_CURRENT_NODE_MASTER $AZ_BATCH_HOST_LIST'
    coordination = f'sleep 0.1; echo x >> "{seen}"; echo $AZ_BATCH_IS_CURRENT_NODE_MASTER'
    add_task(client, job, main, multi_instance_settings=several(coordination))
    task = completed(client, job)
    assert task.execution_info is not None
    assert task.execution_info.exit_code == 0
    words = read(client, job, "stdout.txt").decode().split()
    assert words == ["3", "true", "127.0.0.1,127.0.0.1,127.0.0.1"]
    found = subtasks(client, job)
    assert [flaw for each in found for flaw in flaws(each, "subtask")] == []
    assert [(each.id, each.state, each.exit_code, each.result) for each in found] == [
        (number, "completed", 0, "success") for number in (1, 2)
    ]
    infos = [each.node_info for each in found]
    nodes = {info.node_id for info in (task.node_info, *infos) if info is not None}
    assert len(nodes) == 3
    assert infos[0] is not None
    assert file_of(client, infos[0], "stdout.txt") == b"false\n"


def test_what_coordination_started_lives_until_the_task_ends(
    client: BatchClient, pool: batch.BatchPoolInfo
) -> None:
    job = make_job(client, pool_info=pool)
    beats = "while sleep 0.01; do date +%N > $s/new; mv $s/new $s/beat; done"
    daemon = f"s=$AZ_BATCH_TASK_SHARED_DIR; ({beats}) &"
    main = """
        cd "$AZ_BATCH_TASK_SHARED_DIR"
        until test -e beat; do sleep 0.01; done
        first=$(cat beat)
        for try in $(seq 1000); do test "$(cat beat)" = "$first" || exit 0; sleep 0.01; done
        exit 1
    """
    add_task(client, job, main, multi_instance_settings=several(daemon, 2))
    info = completed(client, job).execution_info
    assert info is not None
    assert info.exit_code == 0


def test_a_failed_coordination_fails_the_task(
    client: BatchClient, pool: batch.BatchPoolInfo
) -> None:
    job = make_job(client, pool_info=pool)
    only_subtasks = "test $AZ_BATCH_IS_CURRENT_NODE_MASTER = true || exit 7"
    add_task(client, job, "echo never", multi_instance_settings=several(only_subtasks, 2))
    info = completed(client, job).execution_info
    assert info is not None
    assert info.failure_info is not None
    assert (info.exit_code, info.failure_info.code) == (7, "FailureExitCode")
    (subtask,) = subtasks(client, job)
    assert (subtask.exit_code, subtask.result) == (7, "failure")


def test_ending_it_ends_all_of_it(client: BatchClient, pool: batch.BatchPoolInfo) -> None:
    job = make_job(client, pool_info=pool)
    add_task(client, job, "echo go; sleep 300", multi_instance_settings=several("true"))
    add_task(client, job, task="next")
    started(client, job)
    assert {each.state for each in subtasks(client, job)} == {"running"}
    assert client.get_task(job, "next").state == batch.BatchTaskState.ACTIVE
    client.terminate_task(job, "t")
    completed(client, job)
    completed(client, job, "next")
    add_task(client, job, task="hangs", multi_instance_settings=several("sleep 300"))
    until(lambda: any(each.state == "running" for each in subtasks(client, job, "hangs")))
    client.delete_task(job, "hangs")
    add_task(client, job, task="last")
    completed(client, job, "last")
    delete_job(client, job)


WAITS = {
    "too few nodes": ("linked", 4),
    "nodes that are not linked": ("alone", 2),
}


@pytest.mark.parametrize(("where", "number"), WAITS.values(), ids=WAITS)
def test_it_waits_for_nodes(
    client: BatchClient, pool: batch.BatchPoolInfo, where: str, number: int
) -> None:
    if where == "alone":
        client.create_pool(new_pool("alone", nodes=3))
    job = make_job(client, pool_info=batch.BatchPoolInfo(pool_id=where))
    add_task(client, job, multi_instance_settings=several("true", number))
    assert client.get_task(job, "t").state == batch.BatchTaskState.ACTIVE
    if where == "linked":
        resize = batch.BatchPoolResizeOptions(target_dedicated_nodes=4)
        client._resize_pool_internal("linked", resize)
        completed(client, job)
    delete_job(client, job)


def test_a_task_of_one_instance_has_no_subtasks(
    client: BatchClient, pool: batch.BatchPoolInfo
) -> None:
    job = make_job(client, pool_info=pool)
    add_task(client, job)
    completed(client, job)
    assert subtasks(client, job) == []
    assert code_of(refusal(lambda: subtasks(client, job, "nowhere"))) == "TaskNotFound"
    delete_job(client, job)


@pytest.mark.parametrize("words", ["", "'", "  "])
def test_a_coordination_command_must_be_one(
    client: BatchClient, pool: batch.BatchPoolInfo, words: str
) -> None:
    job = make_job(client, pool_info=pool)
    settings = batch.MultiInstanceSettings(coordination_command_line=words)
    error = refusal(lambda: add_task(client, job, multi_instance_settings=settings))
    assert (error.status_code, code_of(error)) == (400, "InvalidPropertyValue")
    delete_job(client, job)
