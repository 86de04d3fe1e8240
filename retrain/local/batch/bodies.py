"""The request bodies: which properties they have, and which of them the emulator can honour."""

from __future__ import annotations

from functools import partial
from typing import Any, Final

from retrain.local.batch.errors import Refused, invalid
from retrain.local.batch.schema import (
    Check,
    anything,
    choice,
    duration,
    flag,
    identifier,
    integer,
    listing,
    not_emulated,
    prefix,
    record,
    text,
)

_COUNT: Final = integer(0, 2**31 - 1)
_RETRIES: Final = integer(-1, 2**31 - 1)
_NAME: Final = partial(text, limit=1024)
_METADATA: Final = listing(record({"name!": text, "value!": text}))
_SETTINGS: Final = listing(record({"name!": text, "value": text}))
_CONTAINER: Final = record(
    {
        "imageName!": text,
        "containerRunOptions": text,
        "registry": anything,
        "workingDirectory": choice("taskworkingdirectory"),
        "containerHostBatchBindMounts": not_emulated,
    }
)
_RESOURCE_FILES: Final = listing(
    record(
        {
            "httpUrl": text,
            "storageContainerUrl": text,
            "autoStorageContainerName": not_emulated,
            "blobPrefix": text,
            "filePath": text,
            "fileMode": text,
            "identityReference": not_emulated,
        }
    )
)
_OUTPUT_CONTAINER: Final = {
    "containerUrl!": text,
    "path": text,
    "identityReference": not_emulated,
    "uploadHeaders": not_emulated,
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
_TASK_CONSTRAINTS: Final = record(
    {"maxWallClockTime": duration, "retentionTime": duration, "maxTaskRetryCount": _RETRIES}
)
_COMMAND: Final[dict[str, Check]] = {
    "commandLine!": text,
    "containerSettings": _CONTAINER,
    "resourceFiles": _RESOURCE_FILES,
    "environmentSettings": _SETTINGS,
    "userIdentity": anything,
}
_POOL: Final[dict[str, Check]] = {
    "displayName": _NAME,
    "vmSize!": text,
    "virtualMachineConfiguration": record(
        {
            "imageReference!": anything,
            "nodeAgentSKUId!": text,
            **dict.fromkeys(
                (
                    *("containerConfiguration", "dataDisks", "diskEncryptionConfiguration"),
                    *("extensions", "licenseType", "nodePlacementConfiguration", "osDisk"),
                    *("securityProfile", "serviceArtifactReference", "windowsConfiguration"),
                ),
                anything,
            ),
        }
    ),
    "resizeTimeout": duration,
    "targetDedicatedNodes": _COUNT,
    "targetLowPriorityNodes": _COUNT,
    "enableAutoScale": not_emulated,
    "autoScaleFormula": not_emulated,
    "autoScaleEvaluationInterval": not_emulated,
    "enableInterNodeCommunication": flag,
    "networkConfiguration": anything,
    "startTask": not_emulated,
    "applicationPackageReferences": not_emulated,
    "taskSlotsPerNode": integer(1, 256),
    "taskSchedulingPolicy": record(
        {"nodeFillType!": choice("spread", "pack"), "jobDefaultOrder": anything}
    ),
    "userAccounts": anything,
    "metadata": _METADATA,
    "mountConfiguration": not_emulated,
    "upgradePolicy": anything,
}
_POOL_INFO: Final = record(
    {
        "poolId": identifier,
        "autoPoolSpecification": record(
            {
                "autoPoolIdPrefix": prefix,
                "poolLifetimeOption!": choice("job"),
                "keepAlive": flag,
                "pool": record(_POOL),
            }
        ),
    }
)
_JOB_UPDATE: Final[dict[str, Check]] = {
    "priority": integer(-(2**31), 2**31 - 1),
    "allowTaskPreemption": flag,
    "maxParallelTasks": integer(-1, 2**31 - 1),
    "constraints": record({"maxWallClockTime": duration, "maxTaskRetryCount": _RETRIES}),
    "poolInfo": _POOL_INFO,
    "onAllTasksComplete": choice("noaction", "terminatejob"),
    "metadata": _METADATA,
    "networkConfiguration": not_emulated,
}
_PREPARATION: Final = record(
    {
        **_COMMAND,
        "id": identifier,
        "constraints": _TASK_CONSTRAINTS,
        "waitForSuccess": flag,
        "rerunOnNodeRebootAfterSuccess": flag,
    }
)
_RELEASE: Final = record(
    {**_COMMAND, "id": identifier, "maxWallClockTime": duration, "retentionTime": duration}
)

NEW_POOL: Final = record({"id!": identifier, **_POOL})
POOL_UPDATE: Final = record({name.removesuffix("!"): check for name, check in _POOL.items()})
POOL_RESIZE: Final = record(
    {
        "targetDedicatedNodes": _COUNT,
        "targetLowPriorityNodes": _COUNT,
        "resizeTimeout": duration,
        "nodeDeallocationOption": choice("requeue", "terminate", "taskcompletion"),
    }
)
NEW_JOB: Final = record(
    {
        "id!": identifier,
        "displayName": _NAME,
        "usesTaskDependencies": not_emulated,
        "jobManagerTask": not_emulated,
        "jobPreparationTask": _PREPARATION,
        "jobReleaseTask": _RELEASE,
        "commonEnvironmentSettings": _SETTINGS,
        "onTaskFailure": choice("noaction"),
        **_JOB_UPDATE,
        "poolInfo!": _POOL_INFO,
    }
)
JOB_PATCH: Final = record(_JOB_UPDATE)
JOB_WRITABLE: Final = frozenset(_JOB_UPDATE)
JOB_DISABLE: Final = record({"disableTasks!": choice("requeue", "terminate", "wait")})
JOB_TERMINATE: Final = record({"terminateReason": _NAME})
NEW_TASK: Final = record(
    {
        "id!": identifier,
        "displayName": _NAME,
        **_COMMAND,
        "outputFiles": _OUTPUT_FILES,
        "constraints": _TASK_CONSTRAINTS,
        "requiredSlots": integer(1, 256),
        "affinityInfo": anything,
        "exitConditions": not_emulated,
        "multiInstanceSettings": not_emulated,
        "dependsOn": not_emulated,
        "applicationPackageReferences": not_emulated,
    }
)
TASK_UPDATE: Final = record({"constraints": _TASK_CONSTRAINTS})


def check_new_job(body: dict[str, Any]) -> None:
    """A whole new job. Raises Refused."""
    NEW_JOB("", body)
    check_priority(body)
    pool = body["poolInfo"]
    if (pool.get("poolId") is None) == (pool.get("autoPoolSpecification") is None):
        raise invalid("poolInfo", pool, "Either poolId or autoPoolSpecification must be given")
    auto = pool.get("autoPoolSpecification")
    if auto is not None and auto.get("pool") is None:
        raise Refused("MissingRequiredProperty", PropertyName="poolInfo.autoPoolSpecification.pool")
    if body.get("jobReleaseTask") and not body.get("jobPreparationTask"):
        reason = "A job release task needs a job preparation task"
        raise invalid("jobReleaseTask", "", reason)
    check_commands(body.get("jobPreparationTask"), body.get("jobReleaseTask"))


def check_priority(body: dict[str, Any]) -> None:
    """Raises Refused OutOfRangePriority."""
    if not -1000 <= (body.get("priority") or 0) <= 1000:
        raise Refused("OutOfRangePriority")


def check_new_task(body: dict[str, Any]) -> None:
    """A whole new task. Raises Refused."""
    NEW_TASK("", body)
    check_commands(body)


def check_commands(*specs: dict[str, Any] | None) -> None:
    """Every resource file has one source, and a file name when it is one file."""
    for spec in specs:
        for file in (spec or {}).get("resourceFiles") or ():
            sources = [file.get("httpUrl"), file.get("storageContainerUrl")]
            if sources.count(None) != 1:
                reason = "Exactly one of httpUrl and storageContainerUrl must be given"
                raise invalid("resourceFiles", file, reason)
            if file.get("httpUrl") and not file.get("filePath"):
                raise Refused("MissingRequiredProperty", PropertyName="resourceFiles.filePath")
