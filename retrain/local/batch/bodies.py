"""What request bodies have in common: which properties the parts of pools, jobs and tasks have.

Each names the properties there are, and which of them the emulator can honour.
"""

from __future__ import annotations

from functools import partial
from typing import Any, Final

from retrain.local.batch.errors import Refused, invalid
from retrain.local.batch.schema import (
    Check,
    choice,
    duration,
    integer,
    listing,
    not_emulated,
    record,
    text,
)

RETRIES: Final = integer(-1, 2**31 - 1)
NAME: Final = partial(text, limit=1024)
METADATA: Final = listing(record({"name!": text, "value!": text}))
SETTINGS: Final = listing(record({"name!": text, "value": text}))
_CONTAINER: Final = record(
    {
        "imageName!": text,
        "containerRunOptions": text,
        "registry": record(
            {
                "username": text,
                "password": text,
                "registryServer": text,
                "identityReference": not_emulated,
            }
        ),
        "workingDirectory": choice("taskWorkingDirectory"),
        "containerHostBatchBindMounts": not_emulated,
    }
)
RESOURCE_FILES: Final = listing(
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
    "resourceFiles": RESOURCE_FILES,
    "environmentSettings": SETTINGS,
    "userIdentity": record(
        {
            "username": text,
            "autoUser": record(
                {
                    "scope": choice("task", "pool"),
                    "elevationLevel": choice("nonadmin", "admin"),
                }
            ),
        }
    ),
}


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
