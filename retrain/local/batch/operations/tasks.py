"""Operations on tasks."""

from __future__ import annotations

from typing import Any, Final

from retrain.local.batch import job_bodies, listing
from retrain.local.batch.entity import stamp, without_nulls
from retrain.local.batch.errors import Refused, invalid
from retrain.local.batch.job import Job
from retrain.local.batch.launch import PREPARATION, RELEASE
from retrain.local.batch.service import Service
from retrain.local.batch.task import Task
from retrain.local.batch.wire import Request, Response, answer, document

_AT_ONCE: Final = 100


def create(service: Service, request: Request) -> Response:
    job = _open_job(service, request)
    task = _add(service, job, request.object())
    service.scheduler.fill_for(job)
    return answer(201, task, task.url)


def create_many(service: Service, request: Request) -> Response:
    """Each task by itself: those that can be added are, the others come back with their error."""
    job = _open_job(service, request)
    group = request.object().get("value")
    if not isinstance(group, list) or not all(isinstance(item, dict) for item in group):
        raise Refused("MissingRequiredProperty", PropertyName="value")
    if len(group) > _AT_ONCE:
        raise invalid("value", len(group), f"At most {_AT_ONCE} tasks can be added at once")
    results = [_result(service, job, body) for body in group]
    service.scheduler.fill_for(job)
    return document({"value": results})


def _result(service: Service, job: Job, body: dict[str, Any]) -> dict[str, Any]:
    try:
        task = _add(service, job, body)
    except Refused as refusal:
        error = refusal.document("", stamp())
        return {"status": "clienterror", "taskId": str(body.get("id", "")), "error": error}
    return {
        "status": "success",
        "taskId": task.id,
        "eTag": task.etag,
        "lastModified": task.modified,
        "location": task.url,
    }


def _add(service: Service, job: Job, body: dict[str, Any]) -> Task:
    job_bodies.check_new_task(body, job.spec)
    key = body["id"].lower()
    if key in job.tasks:
        raise Refused("TaskExists")
    if job.preparation and key == (job.preparation.get("id") or PREPARATION).lower():
        raise Refused("TaskIdSameAsJobPreparationTask")
    if job.release and key == (job.release.get("id") or RELEASE).lower():
        raise Refused("TaskIdSameAsJobReleaseTask")
    task = Task(
        id=body["id"], number=next(service.account.numbers), spec=without_nulls(body), job=job
    )
    service.account.add(task)
    return task


def get(service: Service, request: Request) -> Response:
    task = _task(service, request)
    return document(listing.view(request, task), task)


def list_all(service: Service, request: Request) -> Response:
    job = service.account.job(request.arguments["job"])
    return listing.page(request, job.tasks, service.account.endpoint)


def replace(service: Service, request: Request) -> Response:
    """Only the constraints can be changed, and only before the end."""
    task = _task(service, request)
    body = {k: v for k, v in request.object().items() if k == "constraints"}
    job_bodies.TASK_UPDATE("", body)
    if task.state == "completed":
        raise Refused("TaskCompleted")
    task.spec = task.spec | {"constraints": body.get("constraints") or {}}
    task.touch()
    service.account.save(task)
    return answer(200, task)


def terminate(service: Service, request: Request) -> Response:
    task = _task(service, request)
    if task.state == "completed":
        raise Refused("TaskCompleted")
    service.endings.end_task(task)
    return answer(204, task)


async def delete(service: Service, request: Request) -> Response:
    await service.endings.remove_task(_task(service, request))
    return answer(200)


def reactivate(service: Service, request: Request) -> Response:
    task = _task(service, request)
    task.job.demand_open()
    if task.state != "completed":
        raise Refused("TaskNotCompleted")
    if task.result == "success":
        raise Refused("TaskSucceeded")
    service.scheduler.reactivate(task)
    return answer(204, task)


def list_subtasks(service: Service, request: Request) -> Response:
    """None for a task that is not of several instances, as the service answers."""
    task = service.account.task(request.arguments["job"], request.arguments["task"])
    return document({"value": [listing.select(request, each) for each in task.subtasks]})


def _open_job(service: Service, request: Request) -> Job:
    job = service.account.job(request.arguments["job"])
    job.demand_open()
    return job


def _task(service: Service, request: Request) -> Task:
    task = service.account.task(request.arguments["job"], request.arguments["task"])
    request.require(task)
    return task
