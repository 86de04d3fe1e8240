"""Start tasks: what a node does before it takes tasks."""

import http.server
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from azure.batch import BatchClient
from azure.batch import models as batch

from retrain.local.batch import BatchSettings
from tests.contract.batch.conftest import (
    add_task,
    client_of,
    completed,
    make_job,
    new_pool,
    node_in,
    read,
    running,
    until,
)


def start_task(script: str, **rest: Any) -> batch.BatchStartTask:
    return batch.BatchStartTask(command_line=f"/bin/sh -c '{script}'", **rest)


def node_file(client: BatchClient, pool: str, node: str, path: str) -> str:
    return b"".join(client.download_node_file(pool, node, path)).decode()


def info_of(node: batch.BatchNode) -> batch.BatchStartTaskInfo:
    assert node.start_task_info is not None
    return node.start_task_info


def test_a_node_takes_tasks_once_its_start_task_succeeded(
    client: BatchClient, tmp_path: Path
) -> None:
    flag = tmp_path / "flag"
    task = start_task(
        f"echo $A $AZ_BATCH_NODE_IS_DEDICATED ${{AZ_BATCH_JOB_ID-no job}}; pwd; "
        f"while ! test -e {flag}; do sleep 0.02; done",
        environment_settings=[batch.EnvironmentSetting(name="A", value="b")],
    )
    client.create_pool(new_pool("starts", start_task=task))
    waiting = node_in(client, "starts", "waitingforstarttask")
    assert info_of(waiting).state == "running"
    job = make_job(client, pool_info=batch.BatchPoolInfo(pool_id="starts"))
    add_task(client, job, "cat $AZ_BATCH_NODE_STARTUP_DIR/stdout.txt")
    assert client.get_task(job, "t").state == batch.BatchTaskState.ACTIVE
    flag.touch()
    completed(client, job)
    (node,) = client.list_nodes("starts")
    info = info_of(node)
    assert (info.state, info.result, info.exit_code, info.retry_count) == (
        *("completed", "success", 0),
        0,
    )
    said = read(client, job, "stdout.txt").decode().split("\n")
    assert said[0] == "b true no job"
    assert said[1].endswith("startup/wd")
    assert node_file(client, "starts", node.id, "startup/stdout.txt").startswith("b true")
    assert node.start_task is not None
    assert node.start_task.command_line == task.command_line
    client._delete_pool_internal("starts")


def test_a_failed_start_task_keeps_tasks_off(client: BatchClient) -> None:
    task = start_task("echo tried >> ../../shared/tries; echo why >&2; exit 3")
    task.max_task_retry_count = 2
    task.wait_for_success = True
    client.create_pool(new_pool("fails", start_task=task))
    node = node_in(client, "fails", "starttaskfailed")
    info = info_of(node)
    assert (info.result, info.exit_code, info.retry_count) == ("failure", 3, 2)
    assert info.failure_info is not None
    assert info.failure_info.code == "FailureExitCode"
    assert node_file(client, "fails", node.id, "shared/tries").count("tried") == 3
    assert node_file(client, "fails", node.id, "startup/stderr.txt") == "why\n"
    (counts,) = [count for count in client.list_pool_node_counts() if count.pool_id == "fails"]
    assert counts.dedicated is not None
    assert counts.dedicated.start_task_failed == 1
    client._delete_pool_internal("fails")


def test_nobody_waits_for_a_start_task_that_need_not_succeed(client: BatchClient) -> None:
    client.create_pool(new_pool("lax", start_task=start_task("exit 3", wait_for_success=False)))
    job = make_job(client, pool_info=batch.BatchPoolInfo(pool_id="lax"))
    add_task(client, job)
    completed(client, job)

    def failed() -> bool:
        (node,) = client.list_nodes("lax")
        return info_of(node).result == "failure" and node.state == batch.BatchNodeState.IDLE

    until(failed)
    client._delete_pool_internal("lax")


@pytest.fixture
def web(tmp_path: Path) -> Iterator[str]:
    """The address of a folder with one file."""
    (tmp_path / "greeting").write_text("hello")

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def __init__(self, *arguments: Any) -> None:
            super().__init__(*arguments, directory=str(tmp_path))

        def log_message(self, *_: Any) -> None:
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Quiet) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()
        thread.join()


def test_resource_files_come_first(client: BatchClient, web: str) -> None:
    files = [batch.ResourceFile(http_url=f"{web}/greeting", file_path="in/greeting")]
    client.create_pool(
        new_pool("files", start_task=start_task("cat in/greeting", resource_files=files))
    )
    node = node_in(client, "files", "idle")
    assert node_file(client, "files", node.id, "startup/stdout.txt") == "hello"
    client._delete_pool_internal("files")


def test_a_missing_resource_file_fails_the_node(client: BatchClient, web: str) -> None:
    files = [batch.ResourceFile(http_url=f"{web}/nothing", file_path="x")]
    client.create_pool(new_pool("lost", start_task=start_task("true", resource_files=files)))
    node = node_in(client, "lost", "starttaskfailed")
    info = info_of(node)
    assert info.exit_code is None
    assert info.failure_info is not None
    assert info.failure_info.category == "usererror"
    client._delete_pool_internal("lost")


def test_a_start_task_is_killed_with_its_pool(client: BatchClient) -> None:
    client.create_pool(new_pool("short", start_task=start_task("sleep 300")))
    node_in(client, "short", "waitingforstarttask")
    client._delete_pool_internal("short")
    until(lambda: "short" not in [pool.id for pool in client.list_pools()])


def test_a_restart_boots_the_nodes_anew(tmp_path: Path, environments: Path) -> None:
    settings = BatchSettings(data=tmp_path, environments=environments)
    task = start_task("echo boot >> ../../shared/boots")
    with running(settings) as server, client_of(settings, server.endpoint) as client:
        client.create_pool(new_pool("p", start_task=task))
        before = node_in(client, "p", "idle")
    with running(settings) as server, client_of(settings, server.endpoint) as client:
        after = node_in(client, "p", "idle")
        assert (after.id, after.allocation_time) == (before.id, before.allocation_time)
        assert node_file(client, "p", after.id, "shared/boots") == "boot\nboot\n"
