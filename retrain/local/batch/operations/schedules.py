"""Operations on job schedules."""

from __future__ import annotations

from retrain.local.batch import listing, schedule_bodies
from retrain.local.batch.entity import without_nulls
from retrain.local.batch.errors import Refused
from retrain.local.batch.job_schedule import JobSchedule
from retrain.local.batch.service import Service
from retrain.local.batch.wire import Request, Response, answer, document


def create(service: Service, request: Request) -> Response:
    body = request.object()
    schedule_bodies.check_new(body)
    key = body["id"].lower()
    known = service.account.schedules.get(key)
    if known is not None:
        deleting = known.state == "deleting"
        raise Refused("JobScheduleBeingDeleted" if deleting else "JobScheduleExists")
    if key in service.account.jobs:
        raise Refused("JobWithSameIdExists")
    schedule = service.schedules.create(body["id"], without_nulls(body))
    return answer(201, schedule, schedule.url)


def get(service: Service, request: Request) -> Response:
    schedule = _schedule(service, request)
    return document(listing.view(request, schedule), schedule)


def exists(service: Service, request: Request) -> Response:
    return answer(200, _schedule(service, request))


def list_all(service: Service, request: Request) -> Response:
    account = service.account
    return listing.page(request, account.schedules, account.endpoint)


def list_jobs(service: Service, request: Request) -> Response:
    schedule = service.account.schedule(request.arguments["schedule"])
    return listing.page(request, schedule.jobs, service.account.endpoint)


def patch(service: Service, request: Request) -> Response:
    """Only what the body names is changed."""
    schedule = _schedule(service, request)
    body = request.object()
    schedule_bodies.check_change(body)
    schedule.demand_open()
    changes = {name: value for name, value in body.items() if value is not None}
    service.schedules.change(schedule, changes)
    return answer(200, schedule)


def replace(service: Service, request: Request) -> Response:
    """As PATCH, but metadata that isn't named is removed."""
    schedule = _schedule(service, request)
    body = without_nulls(
        {k: v for k, v in request.object().items() if k in schedule_bodies.WRITABLE}
    )
    schedule_bodies.check_change(body)
    for name in ("schedule", "jobSpecification"):
        if body.get(name) is None:
            raise Refused("MissingRequiredProperty", PropertyName=name)
    schedule.demand_open()
    if body["schedule"] == schedule.spec["schedule"]:
        del body["schedule"]  # a client that reads, edits and writes back sends it unchanged
    service.schedules.change(schedule, {"metadata": [], **body})
    return answer(200, schedule)


def disable(service: Service, request: Request) -> Response:
    schedule = _schedule(service, request)
    schedule.demand_open()
    if schedule.state == "disabled":
        raise Refused("JobScheduleDisabled")
    service.schedules.disable(schedule)
    return answer(204, schedule)


def enable(service: Service, request: Request) -> Response:
    schedule = _schedule(service, request)
    schedule.demand_open()
    if schedule.state == "active":
        reason = "The schedule is enabled already"
        raise Refused("OperationInvalidForCurrentState", Reason=reason)
    service.schedules.enable(schedule)
    return answer(204, schedule)


def terminate(service: Service, request: Request) -> Response:
    schedule = _schedule(service, request)
    schedule.demand_open()
    service.schedules.terminate(schedule)
    return answer(202, schedule)


def delete(service: Service, request: Request) -> Response:
    schedule = _schedule(service, request)
    if schedule.state == "deleting":
        raise Refused("JobScheduleBeingDeleted")
    service.schedules.delete(schedule, force=request.flag("force"))
    return answer(202)


def _schedule(service: Service, request: Request) -> JobSchedule:
    schedule = service.account.schedule(request.arguments["schedule"])
    request.require(schedule)
    return schedule
