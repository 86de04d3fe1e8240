"""Operations on jobs."""

from __future__ import annotations

from collections import Counter
from typing import Any

from retrain.local.batch import job_bodies, listing
from retrain.local.batch.entity import without_nulls
from retrain.local.batch.errors import Refused, invalid
from retrain.local.batch.job import Job
from retrain.local.batch.service import Service
from retrain.local.batch.wire import Request, Response, answer, document


def create(service: Service, request: Request) -> Response:
    body = request.object()
    job_bodies.check_new_job(body)
    account = service.account
    known = account.jobs.get(body["id"].lower())
    if known is not None:
        raise Refused("JobBeingDeleted" if known.state == "deleting" else "JobExists")
    if body["id"].lower() in account.schedules:
        raise Refused("JobScheduleWithSameIdExists")
    job = service.beginnings.begin(body["id"], without_nulls(body))
    return answer(201, job, job.url)


def get(service: Service, request: Request) -> Response:
    job = _job(service, request)
    return document(listing.view(request, job), job)


def list_all(service: Service, request: Request) -> Response:
    return listing.page(request, service.account.jobs, service.account.endpoint)


def patch(service: Service, request: Request) -> Response:
    """Only what the body names is changed."""
    job = _job(service, request)
    body = request.object()
    job_bodies.JOB_PATCH("", body)
    return _update(service, job, {k: v for k, v in body.items() if v is not None})


def replace(service: Service, request: Request) -> Response:
    """As PATCH, but what can be changed and isn't named falls back to its default."""
    job = _job(service, request)
    body = request.object()
    writable = without_nulls({k: v for k, v in body.items() if k in job_bodies.JOB_WRITABLE})
    job_bodies.JOB_PATCH("", writable)
    if "poolInfo" not in writable:
        raise Refused("MissingRequiredProperty", PropertyName="poolInfo")
    if writable["poolInfo"] == job.spec["poolInfo"]:
        del writable["poolInfo"]  # a client that reads, edits and writes back sends it unchanged
    defaults = {
        "priority": 0,
        "maxParallelTasks": -1,
        "constraints": {},
        "metadata": [],
        "onAllTasksComplete": "noaction",
    }
    return _update(service, job, {**defaults, **writable})


def _update(service: Service, job: Job, changes: dict[str, Any]) -> Response:
    job.demand_open()
    job_bodies.check_priority(changes)
    _check_completion(job, changes)
    if "poolInfo" in changes:
        _change_pool(service, job, changes["poolInfo"])
    job.spec = job.spec | changes
    job.touch()
    service.account.save(job)
    service.endings.watch_clock(job)
    service.endings.after_task(job)
    service.scheduler.fill_for(job)
    return answer(200, job)


def _check_completion(job: Job, changes: dict[str, Any]) -> None:
    wished = changes.get("onAllTasksComplete")
    if wished == "noaction" and job.terminates_when_done:
        reason = "Automatic termination can't be switched off again"
        raise invalid("onAllTasksComplete", wished, reason)


def _change_pool(service: Service, job: Job, wanted: dict[str, Any]) -> None:
    auto, present = wanted.get("autoPoolSpecification"), job.auto_pool
    if auto is not None and present is not None:
        changed = {k for k in {*auto, *present} if auto.get(k) != present.get(k)}
        if changed - {"keepAlive", "pool"}:
            raise invalid("poolInfo", wanted, "Of an auto pool only keepAlive can be changed")
        wanted["autoPoolSpecification"] = present | {"keepAlive": auto.get("keepAlive", False)}
        return
    if job.state != "disabled":
        raise Refused(
            "OperationInvalidForCurrentState", Reason="The pool changes only of a disabled job"
        )
    if auto is not None:
        raise invalid("poolInfo", wanted, "A job's pool can't be changed to an auto pool")
    service.account.bind(job, wanted.get("poolId"))


def terminate(service: Service, request: Request) -> Response:
    job = _job(service, request)
    body = request.optional_object()
    job_bodies.JOB_TERMINATE("", body)
    job.demand_open()
    job.forced = request.flag("force")
    service.endings.terminate(job, body.get("terminateReason") or "UserTerminate")
    return answer(202, job)


def disable(service: Service, request: Request) -> Response:
    job = _job(service, request)
    body = request.object()
    job_bodies.JOB_DISABLE("", body)
    job.demand_open()
    if job.state != "active":
        raise Refused("JobDisabled")
    service.endings.disable(job, body["disableTasks"].lower())
    return answer(202, job)


def enable(service: Service, request: Request) -> Response:
    job = _job(service, request)
    job.demand_open()
    if job.state == "active":
        raise Refused("OperationInvalidForCurrentState", Reason="The job is enabled already")
    service.endings.enable(job)
    return answer(202, job)


def delete(service: Service, request: Request) -> Response:
    job = _job(service, request)
    if job.state == "deleting":
        raise Refused("JobBeingDeleted")
    service.endings.delete(job, force=request.flag("force"))
    return answer(202)


def task_counts(service: Service, request: Request) -> Response:
    job = service.account.job(request.arguments["job"])
    counts: Counter[str] = Counter()
    slots: Counter[str] = Counter()
    for task in job.tasks.values():
        names = {"preparing": "running"}.get(task.state, task.state)
        for name in (names, {"success": "succeeded", "failure": "failed"}.get(task.result or "")):
            if name and (name == names or task.state == "completed"):
                counts[name] += 1
                slots[name] += task.slots
    words = ("active", "running", "completed", "succeeded", "failed")
    return document(
        {
            "taskCounts": {word: counts[word] for word in words},
            "taskSlotCounts": {word: slots[word] for word in words},
        }
    )


def preparation_status(service: Service, request: Request) -> Response:
    job = service.account.job(request.arguments["job"])
    if job.preparation is None:
        raise Refused("JobPreparationTaskNotSpecified")
    rows = []
    for node_id, preparation in job.preparations.items():
        row: dict[str, Any] = {
            "poolId": preparation.pool_id,
            "nodeId": node_id,
            "nodeUrl": preparation.node_url,
            "jobPreparationTaskExecutionInfo": preparation.preparation_document(),
        }
        if node_id in job.releases:
            row["jobReleaseTaskExecutionInfo"] = job.releases[node_id].document()
        rows.append(row)
    return listing.page_of(request, rows, service.account.endpoint)


def _job(service: Service, request: Request) -> Job:
    job = service.account.job(request.arguments["job"])
    request.require(job)
    return job
