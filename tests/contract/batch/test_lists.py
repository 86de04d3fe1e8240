"""Lists: filters on every kind of thing, pages that survive changes, and their limits."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from azure.batch import BatchClient
from azure.batch import models as batch

from retrain.local.batch import BatchServer
from tests.contract.batch.conftest import (
    add_task,
    auto_pool,
    code_of,
    completed,
    delete_job,
    make_job,
    new_pool,
    refusal,
)


def ids(found: Any) -> list[str]:
    return [each.id for each in found]


@pytest.fixture(scope="module")
def things(client: BatchClient) -> Iterator[str]:
    """Two pools, two jobs and two schedules, each pair differing in a few ways."""
    note = [batch.BatchMetadataItem(name="team", value="a")]
    client.create_pool(new_pool("lists-a", nodes=1, metadata=note))
    client.create_pool(new_pool("lists-b", nodes=0, task_slots_per_node=2))
    make_job(client, "lists-a", pool_info=batch.BatchPoolInfo(pool_id="lists-a"), priority=5)
    make_job(client, "lists-b", pool_info=batch.BatchPoolInfo(pool_id="lists-b"), priority=-5)
    add_task(client, "lists-a", "exit 3", "failed")
    completed(client, "lists-a", "failed")
    client._disable_job_internal("lists-b", batch.BatchJobDisableOptions(disable_tasks="wait"))
    for name in ("lists-c", "lists-d"):
        schedule = batch.BatchJobScheduleConfiguration()
        spec = batch.BatchJobSpecification(pool_info=batch.BatchPoolInfo(pool_id="lists-b"))
        client.create_job_schedule(
            batch.BatchJobScheduleCreateOptions(id=name, schedule=schedule, job_specification=spec)
        )
    client.disable_job_schedule("lists-d")
    yield "lists"
    for name in ("lists-a", "lists-b"):
        delete_job(client, name)
        client._delete_pool_internal(name)
    for name in ("lists-c", "lists-d"):
        client._delete_job_schedule_internal(name)


#: The list, the filter, and what it leaves of those whose ids start with "lists-".
FILTERS: dict[str, tuple[str, str, list[str]]] = {
    "pools by size": ("list_pools", "currentDedicatedNodes gt 0", ["lists-a"]),
    "pools by state": ("list_pools", "allocationState eq 'steady'", ["lists-a", "lists-b"]),
    "pools by slots": ("list_pools", "taskSlotsPerNode ge 2", ["lists-b"]),
    "pools by flag": ("list_pools", "enableAutoScale eq false", ["lists-a", "lists-b"]),
    "pools by time": ("list_pools", "creationTime lt 2020-01-01T00:00:00Z", []),
    "jobs by state": ("list_jobs", "state eq 'disabled'", ["lists-b"]),
    "jobs by former state": ("list_jobs", "previousState eq 'disabling'", ["lists-b"]),
    "jobs by pool": ("list_jobs", "executionInfo/poolId eq 'LISTS-A'", ["lists-a"]),
    "jobs by priority": ("list_jobs", "priority lt 0 or priority gt 9", ["lists-b"]),
    "jobs that ended": ("list_jobs", "executionInfo/endTime ne null", []),
    "jobs that began": (
        "list_jobs",
        "executionInfo/startTime gt 2020-01-01T00:00:00Z and not (id eq 'lists-b')",
        ["lists-a"],
    ),
    "schedules by state": ("list_job_schedules", "state ne 'active'", ["lists-d"]),
    "schedules by job": (
        "list_job_schedules",
        "executionInfo/recentJob/id eq 'lists-c:job-1'",
        ["lists-c"],
    ),
}


@pytest.mark.parametrize(("name", "text", "left"), FILTERS.values(), ids=FILTERS)
def test_filters(client: BatchClient, things: str, name: str, text: str, left: list[str]) -> None:
    ask: Callable[..., Any] = getattr(client, name)
    found = ids(ask(filter=f"startswith(id, '{things}-') and ({text})"))
    assert [each for each in found if ":" not in each] == left


WRONG = {
    "a date that is none": "creationTime lt 2026-13-41T99:00:00Z",
    "brackets without end": "(" * 500 + "id eq 'x'",
    "a hundred nots": "not " * 500 + "id eq 'x'",
    "no comparison": "id eq",
    "two comparisons": "id eq 'a' 'b'",
    "a function of something else": "contains(id, 'x')",
}


@pytest.mark.parametrize("text", WRONG.values(), ids=WRONG)
def test_filters_that_can_not_be(client: BatchClient, text: str) -> None:
    error = refusal(lambda: ids(client.list_jobs(filter=text)))
    assert (error.status_code, code_of(error)) == (400, "InvalidQueryParameterValue")


@pytest.fixture(scope="module")
def crowd(client: BatchClient) -> Iterator[str]:
    """2,000 tasks that wait."""
    job = make_job(client, pool_info=auto_pool(nodes=0))
    tasks = [batch.BatchTaskCreateOptions(id=f"t{n:04}", command_line="x") for n in range(2000)]
    client.create_tasks(job, tasks)
    yield job
    delete_job(client, job)


def test_two_thousand_tasks_come_in_three_pages_at_most(
    client: BatchClient, server: BatchServer, crowd: str
) -> None:
    before = server.calls["list_tasks"]
    assert len(ids(client.list_tasks(crowd))) == 2000
    assert server.calls["list_tasks"] - before <= 3


def test_a_page_goes_on_where_the_last_one_ended_whatever_happens_between(
    client: BatchClient,
) -> None:
    job = make_job(client, pool_info=auto_pool(nodes=0))
    client.create_tasks(
        job, [batch.BatchTaskCreateOptions(id=f"t{n:02}", command_line="x") for n in range(30)]
    )
    everything = ids(client.list_tasks(job))  # in the order in which they came
    pages = client.list_tasks(job, max_results=10).by_page()
    seen = ids(next(pages))
    for name in (*seen[:5], seen[-1], everything[12]):
        client.delete_task(job, name)
    add_task(client, job, task="later")
    for page in pages:
        seen += ids(page)
    gone = everything[12]
    assert seen == [*[name for name in everything if name != gone], "later"]
    delete_job(client, job)


def test_files_go_on_where_the_last_page_ended(client: BatchClient) -> None:
    job = make_job(client)
    add_task(client, job, "mkdir d; for i in 1 2 3 4 5 6 7 8 9; do : > f$i; : > d/$i; done")
    completed(client, job)
    everything = [str(file.name) for file in client.list_task_files(job, "t", recursive=True)]
    pages = client.list_task_files(job, "t", recursive=True, max_results=7).by_page()
    seen = [str(file.name) for file in next(pages)]
    client.delete_task_file(job, "t", seen[-1])
    client.delete_task_file(job, "t", seen[-2])
    for page in pages:
        seen += [str(file.name) for file in page]
    assert seen == everything
    delete_job(client, job)


@pytest.mark.parametrize("limit", [0, 1001, -1])
def test_limits(client: BatchClient, limit: int) -> None:
    error = refusal(lambda: ids(client.list_jobs(max_results=limit)))
    assert (error.status_code, code_of(error)) == (400, "InvalidQueryParameterValue")


def test_more_than_a_hundred_tasks_at_once_are_refused(client: BatchClient) -> None:
    job = make_job(client, pool_info=auto_pool(nodes=0))
    tasks = [batch.BatchTaskCreateOptions(id=f"t{n}", command_line="x") for n in range(101)]
    whole = batch.BatchTaskGroup(task_values=tasks)
    error = refusal(lambda: client.create_task_collection(job, whole))
    assert (error.status_code, code_of(error)) == (400, "InvalidPropertyValue")
    assert ids(client.list_tasks(job)) == []
    delete_job(client, job)
