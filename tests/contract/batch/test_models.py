"""Every answer, of things in many states, read through the SDK's models by reflection.

No property that a model requires is missing, no enum has a word the SDK does not know, and each
date, span and number is one.
"""

import json
import typing
from collections.abc import Callable, Iterator
from enum import Enum
from typing import Any

import pytest
from azure.batch import BatchClient
from azure.batch import models as batch

from tests.contract.batch.conftest import (
    add_task,
    auto_pool,
    completed,
    delete_job,
    in_state,
    make_job,
    new_pool,
    started,
)

NAMES = vars(batch) | {"_models": batch, "_types": typing}


def flaws(model: Any, path: str) -> Iterator[str]:
    """What is wrong with a deserialized answer, anywhere in it."""
    hints = typing.get_type_hints(type(model), NAMES)
    for name in model._attr_to_rest_field:
        value, where = getattr(model, name), f"{path}.{name}"
        allowed = _allowed(hints.get(name, Any))
        if value is None:
            yield from [] if type(None) in allowed else [f"{where} is missing"]
            continue
        enums = [each for each in allowed if isinstance(each, type) and issubclass(each, Enum)]
        if enums and value not in [word.value for word in enums[0]]:
            yield f"{where} is '{value}', which {enums[0].__name__} does not have"
        for item in value if isinstance(value, list) else [value]:
            if hasattr(type(item), "_attr_to_rest_field"):
                yield from flaws(item, where)


def _allowed(hint: Any) -> set[Any]:
    """The members of a union, with those of unions within."""
    parts = typing.get_args(hint) if typing.get_origin(hint) is typing.Union else (hint,)
    return {member for part in parts for member in (_allowed(part) if part != hint else {part})}


def test_a_flaw_is_found() -> None:
    told = {"id": "t", "state": "dancing", "executionInfo": {"retryCount": 1, "result": "success"}}
    found = set(flaws(batch.BatchTask(told), "task"))
    assert "task.state is 'dancing', which BatchTaskState does not have" in found
    assert "task.execution_info.requeue_count is missing" in found
    assert "task.creation_time is missing" in found
    assert not [flaw for flaw in found if "result" in flaw or "exit_code" in flaw]


def prepared(client: BatchClient) -> str:
    """A job with a preparation and a release that ran, ended by itself."""
    job = make_job(
        client,
        job_preparation_task=batch.BatchJobPreparationTask(command_line="/bin/true"),
        job_release_task=batch.BatchJobReleaseTask(command_line="/bin/true"),
    )
    add_task(client, job, "exit 1", constraints=batch.BatchTaskConstraints(max_task_retry_count=1))
    completed(client, job)
    terminate = batch.BatchAllTasksCompleteMode.TERMINATE_JOB
    client.update_job(job, batch.BatchJobUpdateOptions(all_tasks_complete_mode=terminate))
    in_state(client, job, "completed")
    return job


def busy(client: BatchClient) -> str:
    """A job with a task in each state, and all that a task can say."""
    job = make_job(client, uses_task_dependencies=True)
    add_task(client, job, task="done")
    completed(client, job, "done")
    add_task(client, job, "echo go; sleep 300", "runs")
    started(client, job, "runs")
    add_task(
        client,
        job,
        task="waits",
        depends_on=batch.BatchTaskDependencies(task_ids=["runs"]),
        exit_conditions=batch.ExitConditions(
            default=batch.ExitOptions(dependency_action=batch.DependencyAction.SATISFY)
        ),
    )
    return job


@pytest.fixture(scope="module")
def answers(client: BatchClient) -> Iterator[dict[str, Callable[[], Any]]]:
    ended, job = prepared(client), busy(client)
    client.create_pool(new_pool("reflected"))
    node = next(iter(client.list_nodes("reflected")))
    disabled = make_job(client, pool_info=auto_pool(nodes=0))
    client._disable_job_internal(disabled, batch.BatchJobDisableOptions(disable_tasks="wait"))
    client.create_job_schedule(
        batch.BatchJobScheduleCreateOptions(
            id="reflected",
            schedule=batch.BatchJobScheduleConfiguration(),
            job_specification=batch.BatchJobSpecification(
                pool_info=batch.BatchPoolInfo(pool_id="reflected")
            ),
        )
    )
    odd = [batch.BatchTaskCreateOptions(id=name, command_line="x") for name in ("runs", "a b", "n")]
    yield {
        "list_pools": lambda: client.list_pools(),
        "get_pool": lambda: [client.get_pool("reflected")],
        "list_nodes": lambda: client.list_nodes("reflected"),
        "get_node": lambda: [client.get_node("reflected", node.id)],
        "list_pool_node_counts": lambda: client.list_pool_node_counts(),
        "list_jobs": lambda: client.list_jobs(),
        "get_job": lambda: [client.get_job(each) for each in (ended, job, disabled)],
        "get_job_task_counts": lambda: [client.get_job_task_counts(job)],
        "preparation": lambda: client.list_job_preparation_and_release_task_status(ended),
        "list_tasks": lambda: [*client.list_tasks(ended), *client.list_tasks(job)],
        "get_task": lambda: [client.get_task(job, each) for each in ("done", "runs", "waits")],
        "create_task_collection": lambda: (
            client.create_task_collection(job, batch.BatchTaskGroup(task_values=odd)).result_values
        ),
        "list_task_files": lambda: client.list_task_files(job, "done", recursive=True),
        "list_node_files": lambda: client.list_node_files("reflected", node.id),
        "list_job_schedules": lambda: client.list_job_schedules(),
        "get_job_schedule": lambda: [client.get_job_schedule("reflected")],
        "list_jobs_from_schedule": lambda: client.list_jobs_from_schedule("reflected"),
    }
    delete_job(client, job)
    client._delete_job_schedule_internal("reflected")
    client._delete_pool_internal("reflected")


NAMED = [
    *("list_pools", "get_pool", "list_nodes", "get_node", "list_pool_node_counts"),
    *("list_jobs", "get_job", "get_job_task_counts", "preparation", "list_tasks", "get_task"),
    *("create_task_collection", "list_task_files", "list_node_files"),
    *("list_job_schedules", "get_job_schedule", "list_jobs_from_schedule"),
]


@pytest.mark.parametrize("name", NAMED)
def test_an_answer_has_no_flaw(answers: dict[str, Callable[[], Any]], name: str) -> None:
    found = list(answers[name]())
    assert found
    assert [flaw for model in found for flaw in flaws(model, name)] == []
    assert json.dumps([model.as_dict() for model in found])


def test_states_seen(answers: dict[str, Callable[[], Any]]) -> None:
    jobs = {job.state for job in answers["list_jobs"]()}
    tasks = {task.state for task in answers["list_tasks"]()}
    assert {"active", "completed", "disabled"} <= jobs
    assert tasks == {"active", "running", "completed"}
