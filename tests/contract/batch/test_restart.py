"""`kill -9` at any moment: jobs and pools are as they were, running tasks are requeued."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil
from azure.batch import BatchClient
from azure.batch import models as batch

from retrain.local.batch import BatchSettings
from tests.contract.batch.conftest import (
    add_task,
    client_of,
    completed,
    delete_job,
    gone,
    in_state,
    make_job,
    new_pool,
    running,
    started,
    until,
)


@dataclass
class Life:
    """One process of the emulator."""

    process: subprocess.Popen[str]
    client: BatchClient

    def kill(self) -> None:
        """As the power cut would."""
        self.process.kill()
        self.process.wait()


@contextmanager
def life(data: Path, environments: Path) -> Iterator[Life]:
    command = [sys.executable, "-m", "retrain.local.batch", "--port", "0", "--data", str(data)]
    command += ["--engine", "none", "--environments", str(environments)]
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    )
    assert process.stdout is not None
    words = dict(process.stdout.readline().split() for _ in range(3))
    settings = BatchSettings(data=data, account=words["account"], key=words["key"])
    try:
        with client_of(settings, words["endpoint"]) as client:
            yield Life(process, client)
    finally:
        process.terminate()
        process.wait(20)
        process.stdout.close()


def test_a_running_task_is_requeued_and_no_process_is_left(
    tmp_path: Path, environments: Path
) -> None:
    flag = tmp_path / "flag"
    data = tmp_path / "data"
    metadata = [batch.BatchMetadataItem(name="retrain-run", value="r")]
    with life(data, environments) as first:
        job = make_job(
            first.client,
            metadata=metadata,
            priority=3,
            job_preparation_task=batch.BatchJobPreparationTask(command_line="/bin/true"),
        )
        add_task(first.client, job, f'echo "go $$"; test -e {flag} || sleep 300')
        add_task(first.client, job, task="waits")
        started(first.client, job)
        before = first.client.get_job(job)
        pool = [pool.id for pool in first.client.list_pools()]
        pids = [child.pid for child in psutil.Process(first.process.pid).children(recursive=True)]
        first.kill()
    flag.touch()
    with life(data, environments) as second:
        after = second.client.get_job(job)
        assert (after.state, after.priority, after.metadata) == ("active", 3, metadata)
        assert (after.creation_time, after.etag) == (before.creation_time, before.etag)
        assert [pool.id for pool in second.client.list_pools()] == pool
        info = completed(second.client, job).execution_info
        assert info is not None
        assert (info.exit_code, info.requeue_count, info.retry_count) == (0, 1, 0)
        completed(second.client, job, "waits")
        until(lambda: not any(psutil.pid_exists(pid) for pid in pids))
        delete_job(second.client, job)
        gone(second.client, job)
        assert list(second.client.list_pools()) == []
    assert not list(data.rglob(f"*{job}*"))


def test_a_deletion_goes_on(tmp_path: Path, environments: Path) -> None:
    data = tmp_path / "data"
    with life(data, environments) as first:
        job = make_job(
            first.client,
            job_preparation_task=batch.BatchJobPreparationTask(command_line="/bin/true"),
            job_release_task=batch.BatchJobReleaseTask(
                command_line=f"/bin/sh -c 'test -e {tmp_path}/flag || sleep 300'"
            ),
        )
        add_task(first.client, job)
        completed(first.client, job)
        delete_job(first.client, job)
        assert first.client.get_job(job).state == batch.BatchJobState.DELETING
        first.kill()
    (tmp_path / "flag").touch()
    with life(data, environments) as second:
        gone(second.client, job)
        assert list(second.client.list_pools()) == []


def test_a_job_that_was_ending_ends(tmp_path: Path, environments: Path) -> None:
    data = tmp_path / "data"
    terminate = batch.BatchAllTasksCompleteMode.TERMINATE_JOB
    with life(data, environments) as first:
        job = make_job(first.client)
        add_task(first.client, job)
        completed(first.client, job)
        first.client.update_job(job, batch.BatchJobUpdateOptions(all_tasks_complete_mode=terminate))
        first.kill()
    with life(data, environments) as second:
        info = in_state(second.client, job, "completed").execution_info
        assert info is not None
        assert info.termination_reason == "AllTasksComplete"
        assert list(second.client.list_pools()) == []


def test_a_signal_ends_it_with_all_it_started(tmp_path: Path, environments: Path) -> None:
    with life(tmp_path / "data", environments) as only:
        job = make_job(only.client)
        add_task(only.client, job, "echo go; sleep 300")
        started(only.client, job)
        children = psutil.Process(only.process.pid).children(recursive=True)
        assert children
        os.kill(only.process.pid, signal.SIGTERM)
        assert only.process.wait(20) == 0
        until(lambda: not any(child.is_running() for child in children))


def test_a_pool_keeps_its_nodes(tmp_path: Path, environments: Path) -> None:
    settings = BatchSettings(data=tmp_path, environments=environments)
    with running(settings) as server, client_of(settings, server.endpoint) as client:
        client.create_pool(new_pool("p", nodes=2, target_low_priority_nodes=1))
        before = {node.id for node in client.list_nodes("p")}
        assert len(before) == 3
    with running(settings) as server, client_of(settings, server.endpoint) as client:
        assert {node.id for node in client.list_nodes("p")} == before
        client._resize_pool_internal("p", batch.BatchPoolResizeOptions(target_dedicated_nodes=3))
        assert {node.id for node in client.list_nodes("p")} > before
