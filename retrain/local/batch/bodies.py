"""What request bodies have in common, and those of pools.

Each names the properties there are, and which of them the emulator can honour.
"""

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
RETRIES: Final = integer(-1, 2**31 - 1)
NAME: Final = partial(text, limit=1024)
METADATA: Final = listing(record({"name!": text, "value!": text}))
SETTINGS: Final = listing(record({"name!": text, "value": text}))
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
TASK_CONSTRAINTS: Final = record(
    {"maxWallClockTime": duration, "retentionTime": duration, "maxTaskRetryCount": RETRIES}
)
COMMAND: Final[dict[str, Check]] = {
    "commandLine!": text,
    "containerSettings": _CONTAINER,
    "resourceFiles": _RESOURCE_FILES,
    "environmentSettings": SETTINGS,
    "userIdentity": anything,
}
_POOL: Final[dict[str, Check]] = {
    "displayName": NAME,
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
    "metadata": METADATA,
    "mountConfiguration": not_emulated,
    "upgradePolicy": anything,
}
POOL_INFO: Final = record(
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
