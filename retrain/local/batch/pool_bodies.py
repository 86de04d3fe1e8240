"""The request bodies of pools, and what jobs say about theirs."""

from __future__ import annotations

from typing import Final

from retrain.local.batch import bodies
from retrain.local.batch.node_life import DEALLOCATION
from retrain.local.batch.schema import (
    Check,
    anything,
    choice,
    duration,
    flag,
    identifier,
    integer,
    not_emulated,
    prefix,
    record,
    text,
)

_COUNT: Final = integer(0, 2**31 - 1)
START_TASK: Final = record(
    {**bodies.COMMAND, "maxTaskRetryCount": bodies.RETRIES, "waitForSuccess": flag}
)
_POOL: Final[dict[str, Check]] = {
    "displayName": bodies.NAME,
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
    "startTask": START_TASK,
    "applicationPackageReferences": not_emulated,
    "taskSlotsPerNode": integer(1, 256),
    "taskSchedulingPolicy": record(
        {"nodeFillType!": choice("spread", "pack"), "jobDefaultOrder": anything}
    ),
    "userAccounts": anything,
    "metadata": bodies.METADATA,
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
        "nodeDeallocationOption": choice(*DEALLOCATION),
    }
)
