"""Jobs, runs and events for tests, which name only what they are about."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from shared.domain.commands import BuildImage, Command, Look, Provision, TakeDown, Wait
from shared.domain.events import AttemptEnded, CancelAsked, Cause, Requested, TakenDown
from shared.domain.keys import run_name
from shared.domain.requests import TrainingRequest
from shared.domain.run import Problem, Run, Source, Verdict, new_run
from shared.domain.status import Status
from shared.jobs import CommandJob, parse_job

#: A Tuesday, far from any change of the clock.
NOON: Final = datetime(2026, 3, 10, 12, tzinfo=UTC)
RUN: Final = run_name("request-1", NOON)
IMAGE: Final = "docker.io/library/python:3.11"
CONDA: Final = {"name": "env", "channels": ["conda-forge"], "dependencies": ["python=3.11"]}
OUT_OF_QUOTA: Final = Problem("AccountCoreQuotaReached", "No cores are left.", "Ask for quota.")


def after(seconds: float) -> datetime:
    """So many seconds past noon."""
    return NOON + timedelta(seconds=seconds)


def a_document(**fields: Any) -> dict[str, Any]:
    """The least job document there is, with the fields on top."""
    return {"command": "python train.py", "environment": {"image": IMAGE}} | fields


def a_job(**fields: Any) -> CommandJob:
    return parse_job(a_document(**fields))


def a_job_to_build(**fields: Any) -> CommandJob:
    """A job whose environment has to be built first."""
    return a_job(environment={"image": IMAGE, "conda_file": CONDA}, **fields)


def a_schedule(trigger: dict[str, Any], name: str = "wine", **job: Any) -> dict[str, Any]:
    return {"name": name, "trigger": trigger, "create_job": a_document(**job)}


def a_request(identity: str = "request-1", job: CommandJob | None = None) -> TrainingRequest:
    return TrainingRequest(id=identity, at=NOON, job=job or a_job(), source=Source(kind="http"))


#: The way to each status, and what is pending there.
_WAYS: Final[dict[Status, tuple[tuple[Status, ...], int, tuple[Command, ...]]]] = {
    Status.NOT_STARTED: ((), 0, ()),
    Status.QUEUED: ((Status.QUEUED,), 0, ()),
    Status.PROVISIONING: ((Status.QUEUED, Status.PROVISIONING), 1, (Provision(1),)),
    Status.PREPARING: ((Status.QUEUED, Status.PROVISIONING, Status.PREPARING), 1, ()),
    Status.RUNNING: ((Status.QUEUED, Status.PROVISIONING, Status.RUNNING), 1, ()),
    Status.FINALIZING: (
        (Status.QUEUED, Status.PROVISIONING, Status.FINALIZING),
        1,
        (TakeDown(1),),
    ),
    Status.CANCEL_REQUESTED: (
        (Status.QUEUED, Status.PROVISIONING, Status.CANCEL_REQUESTED),
        1,
        (TakeDown(1, keep_logs=True),),
    ),
    Status.COMPLETED: (
        (Status.QUEUED, Status.PROVISIONING, Status.FINALIZING, Status.COMPLETED),
        1,
        (),
    ),
    Status.FAILED: (
        (Status.QUEUED, Status.PROVISIONING, Status.FINALIZING, Status.FAILED),
        1,
        (),
    ),
    Status.CANCELED: ((Status.QUEUED, Status.CANCELED), 0, ()),
}


def a_run(status: Status = Status.NOT_STARTED, **fields: Any) -> Run:
    """A run that came to the status at noon on the shortest way; Finalizing means to complete."""
    name, job = fields.pop("name", RUN), fields.pop("job", None) or a_job()
    run = new_run(name, job, fields.pop("source", Source(kind="http")), NOON)
    way, attempt, pending = _WAYS[status]
    for step in way:
        run = run.to(step, NOON)
    verdict = Verdict(Status.COMPLETED) if status is Status.FINALIZING else None
    image = IMAGE if attempt else None
    run = replace(run, attempt=attempt, image=image, pending=pending, verdict=verdict)
    return replace(run, **fields)


def building(**fields: Any) -> Run:
    """A run whose image is being built: in Preparing before there is an attempt."""
    run = a_run(job=a_job_to_build(), **fields).to(Status.QUEUED, NOON)
    return replace(run.to(Status.PREPARING, NOON), pending=(BuildImage(),))


def retrying(attempt: int = 1, **fields: Any) -> Run:
    """A run in Queued between two attempts."""
    run = a_run(Status.FINALIZING, attempt=attempt, **fields).to(Status.QUEUED, NOON)
    return replace(run, verdict=None, pending=(Wait(attempt + 1, 15),))


def looking(**fields: Any) -> Run:
    """A run whose marker was seen before its task was over."""
    return a_run(Status.RUNNING, pending=(Look(1, 1),), **fields)


def requested(at: datetime = NOON, run: str = RUN) -> Requested:
    return Requested(id=f"{run}-requested", at=at)


def ended(cause: Cause = "none", attempt: int = 1, **fields: Any) -> AttemptEnded:
    problem = None if cause == "none" else fields.pop("problem", OUT_OF_QUOTA)
    at = fields.pop("at", after(60))
    identity = fields.pop("id", f"{RUN}-{attempt}-ended")
    return AttemptEnded(id=identity, at=at, attempt=attempt, cause=cause, problem=problem, **fields)


def taken_down(attempt: int = 1, at: datetime = NOON) -> TakenDown:
    return TakenDown(id=f"{RUN}-{attempt}-taken-down", at=at, attempt=attempt)


def cancel_asked(at: datetime = NOON) -> CancelAsked:
    return CancelAsked(id=f"{RUN}-cancel", at=at)
