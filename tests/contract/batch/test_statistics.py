"""$expand=stats: what tasks really used."""

from datetime import timedelta

from azure.batch import BatchClient
from azure.batch import models as batch

from tests.contract.batch.conftest import (
    add_task,
    code_of,
    completed,
    delete_job,
    make_job,
    refusal,
)
from tests.contract.batch.test_models import flaws

SPIN = "i=0; while [ $i -lt 60000 ]; do i=$((i+1)); done"
ONE_MORE = batch.BatchTaskConstraints(max_task_retry_count=1)


def test_statistics(client: BatchClient) -> None:
    job = make_job(client)
    add_task(client, job, f"{SPIN}; exit 1", "fails", constraints=ONE_MORE)
    add_task(client, job, "sleep 0.2; head -c 1000000 /dev/zero > f", "writes")
    for name in ("fails", "writes"):
        completed(client, job, name)
    fails = client.get_task(job, "fails", expand=["stats"]).task_statistics
    writes = client.get_task(job, "writes", expand=["stats"]).task_statistics
    whole = client.get_job(job, expand=["stats"]).job_statistics
    assert fails is not None
    assert writes is not None
    assert whole is not None
    assert [flaw for each in (fails, writes, whole) for flaw in flaws(each, "stats")] == []
    assert fails.user_cpu_time > timedelta(0)
    assert fails.wall_clock_time >= fails.user_cpu_time
    assert writes.wall_clock_time >= timedelta(seconds=0.2)
    assert writes.wait_time > fails.wait_time  # there is one node with one slot
    assert whole.user_cpu_time >= fails.user_cpu_time
    assert (whole.succeeded_tasks_count, whole.failed_tasks_count) == (1, 1)
    assert whole.task_retries_count == 1
    (listed,) = client.list_jobs(filter=f"id eq '{job}'", expand=["stats"])
    assert listed.job_statistics is not None
    delete_job(client, job)


def test_only_when_asked_for(client: BatchClient) -> None:
    job = make_job(client)
    add_task(client, job, task="waits")
    completed(client, job, "waits")
    assert client.get_job(job).job_statistics is None
    error = refusal(lambda: client.get_job(job, expand=["everything"]))
    assert (error.status_code, code_of(error)) == (400, "InvalidQueryParameterValue")
    delete_job(client, job)


def test_a_schedule_counts_what_its_jobs_used(client: BatchClient) -> None:
    client.create_job_schedule(
        batch.BatchJobScheduleCreateOptions(
            id="counted",
            schedule=batch.BatchJobScheduleConfiguration(),
            job_specification=batch.BatchJobSpecification(
                pool_info=batch.BatchPoolInfo(pool_id="nowhere")
            ),
        )
    )
    found = client.get_job_schedule("counted", expand=["stats"]).job_schedule_statistics
    assert found is not None
    assert list(flaws(found, "stats")) == []
    assert found.succeeded_tasks_count == 0
    client._delete_job_schedule_internal("counted")
