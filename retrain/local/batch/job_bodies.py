"""The request bodies of jobs and tasks."""

from __future__ import annotations

import shlex
from typing import Any, Final

from retrain.local.batch import dependencies, exits
from retrain.local.batch.bodies import (
    COMMAND,
    METADATA,
    NAME,
    RESOURCE_FILES,
    RETRIES,
    SETTINGS,
    TASK_CONSTRAINTS,
    check_commands,
)
from retrain.local.batch.errors import Refused, invalid
from retrain.local.batch.pool_bodies import POOL_INFO
from retrain.local.batch.schema import (
    Check,
    choice,
    duration,
    flag,
    identifier,
    integer,
    listing,
    not_emulated,
    record,
    text,
)


def _command(name: str, value: Any) -> None:
    """A command line that can be split into its words."""
    text(name, value)
    try:
        words = shlex.split(value)
    except ValueError as error:
        raise invalid(name, value, str(error)) from error
    if not words:
        raise invalid(name, value, "A program is expected")


def _header(name: str, value: Any) -> None:
    """What can stand in an HTTP header."""
    text(name, value, limit=8192)
    if not value.isascii() or not value.isprintable():
        raise invalid(name, value, "Printable ASCII characters are expected")


_OUTPUT_CONTAINER: Final = {
    "containerUrl!": text,
    "path": text,
    "identityReference": not_emulated,
    "uploadHeaders": listing(record({"name!": _header, "value": _header})),
}
_CONDITIONS: Final = choice("tasksuccess", "taskfailure", "taskcompletion")
_OUTPUT_FILES: Final = listing(
    record(
        {
            "filePattern!": text,
            "destination!": record({"container!": record(_OUTPUT_CONTAINER)}),
            "uploadOptions!": record({"uploadCondition!": _CONDITIONS}),
        }
    )
)
_OPTIONS: Final = record(
    {
        "jobAction": choice("none", "disable", "terminate"),
        "dependencyAction": choice("satisfy", "block"),
    }
)
_EXIT_CODE: Final = integer(-(2**31), 2**31 - 1)
_EXIT_CONDITIONS: Final = record(
    {
        "exitCodes": listing(record({"code!": _EXIT_CODE, "exitOptions!": _OPTIONS})),
        "exitCodeRanges": listing(
            record({"start!": _EXIT_CODE, "end!": _EXIT_CODE, "exitOptions!": _OPTIONS})
        ),
        "preProcessingError": _OPTIONS,
        "fileUploadError": _OPTIONS,
        "default": _OPTIONS,
    }
)
_TASK_NUMBER: Final = integer(0, 2**31 - 1)
_DEPENDS_ON: Final = record(
    {
        "taskIds": listing(text),
        "taskIdRanges": listing(record({"start!": _TASK_NUMBER, "end!": _TASK_NUMBER})),
    }
)


def _parallel(name: str, value: Any) -> None:
    """How many tasks at once: -1 is no limit, 0 makes no sense."""
    integer(-1, 2**31 - 1)(name, value)
    if value == 0:
        raise invalid(name, value, "-1, for no limit, or 1 and more is expected")


_MANAGER: Final = record(
    {
        "id!": identifier,
        "displayName": NAME,
        **COMMAND,
        "outputFiles": _OUTPUT_FILES,
        "constraints": TASK_CONSTRAINTS,
        "requiredSlots": integer(1, 256),
        "killJobOnCompletion": flag,
        "runExclusive": flag,
        "allowLowPriorityNode": flag,
        "applicationPackageReferences": not_emulated,
    }
)
_JOB_UPDATE: Final[dict[str, Check]] = {
    "priority": integer(-(2**31), 2**31 - 1),
    "allowTaskPreemption": flag,
    "maxParallelTasks": _parallel,
    "constraints": record({"maxWallClockTime": duration, "maxTaskRetryCount": RETRIES}),
    "poolInfo": POOL_INFO,
    "onAllTasksComplete": choice("noaction", "terminatejob"),
    "metadata": METADATA,
    "networkConfiguration": not_emulated,
}
_PREPARATION: Final = record(
    {
        **COMMAND,
        "id": identifier,
        "constraints": TASK_CONSTRAINTS,
        "waitForSuccess": flag,
        "rerunOnNodeRebootAfterSuccess": flag,
    }
)
_RELEASE: Final = record(
    {**COMMAND, "id": identifier, "maxWallClockTime": duration, "retentionTime": duration}
)

_JOB: Final[dict[str, Check]] = {
    "displayName": NAME,
    "usesTaskDependencies": flag,
    "jobManagerTask": _MANAGER,
    "jobPreparationTask": _PREPARATION,
    "jobReleaseTask": _RELEASE,
    "commonEnvironmentSettings": SETTINGS,
    "onTaskFailure": choice("noaction", "performexitoptionsjobaction"),
    **_JOB_UPDATE,
    "poolInfo!": POOL_INFO,
}
NEW_JOB: Final = record({"id!": identifier, **_JOB})
JOB_SPECIFICATION: Final = record(_JOB)
JOB_PATCH: Final = record(_JOB_UPDATE)
JOB_WRITABLE: Final = frozenset(_JOB_UPDATE)
JOB_DISABLE: Final = record({"disableTasks!": choice("requeue", "terminate", "wait")})
JOB_TERMINATE: Final = record({"terminateReason": NAME})
NEW_TASK: Final = record(
    {
        "id!": identifier,
        "displayName": NAME,
        **COMMAND,
        "outputFiles": _OUTPUT_FILES,
        "constraints": TASK_CONSTRAINTS,
        "requiredSlots": integer(1, 256),
        "affinityInfo": record({"affinityId!": text}),
        "exitConditions": _EXIT_CONDITIONS,
        "multiInstanceSettings": record(
            {
                "numberOfInstances": integer(1, 2**31 - 1),
                "coordinationCommandLine!": _command,
                "commonResourceFiles": RESOURCE_FILES,
            }
        ),
        "dependsOn": _DEPENDS_ON,
        "applicationPackageReferences": not_emulated,
    }
)
TASK_UPDATE: Final = record({"constraints": TASK_CONSTRAINTS})


def check_new_job(body: dict[str, Any]) -> None:
    """A whole new job. Raises Refused."""
    NEW_JOB("", body)
    check_job(body, of_schedule=False)


def check_job(body: dict[str, Any], *, of_schedule: bool) -> None:
    """What the parts of a job have to do with each other. Raises Refused."""
    check_priority(body)
    _check_pool(body["poolInfo"], of_schedule=of_schedule)
    if body.get("jobReleaseTask") and not body.get("jobPreparationTask"):
        reason = "A job release task needs a job preparation task"
        raise invalid("jobReleaseTask", "", reason)
    check_commands(*(body.get(f"job{kind}Task") for kind in ("Manager", "Preparation", "Release")))


def _check_pool(pool: dict[str, Any], *, of_schedule: bool) -> None:
    if (pool.get("poolId") is None) == (pool.get("autoPoolSpecification") is None):
        raise invalid("poolInfo", pool, "Either poolId or autoPoolSpecification must be given")
    auto = pool.get("autoPoolSpecification")
    if auto is None:
        return
    if auto.get("pool") is None:
        raise Refused("MissingRequiredProperty", PropertyName="poolInfo.autoPoolSpecification.pool")
    lifetime = auto["poolLifetimeOption"]
    if lifetime.lower() == "jobschedule" and not of_schedule:
        reason = "Only a job schedule's pool can live as long as a job schedule"
        raise invalid("poolInfo.autoPoolSpecification.poolLifetimeOption", lifetime, reason)


def check_priority(body: dict[str, Any]) -> None:
    """Raises Refused OutOfRangePriority."""
    if not -1000 <= (body.get("priority") or 0) <= 1000:
        raise Refused("OutOfRangePriority")


def check_new_task(body: dict[str, Any], job_spec: dict[str, Any]) -> None:
    """A whole new task of a job with that specification. Raises Refused."""
    NEW_TASK("", body)
    shared = (body.get("multiInstanceSettings") or {}).get("commonResourceFiles")
    check_commands(body, {"resourceFiles": shared})
    exits.check(body, job_spec)
    dependencies.check(body, job_spec)
