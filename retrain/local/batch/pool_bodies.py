"""The request bodies of pools, and what jobs say about theirs."""

from __future__ import annotations

from typing import Any, Final

from retrain.local.batch import bodies
from retrain.local.batch.autoscale import FormulaSyntaxError, parse
from retrain.local.batch.autoscale.parser import LONGEST
from retrain.local.batch.errors import Refused
from retrain.local.batch.node_life import DEALLOCATION
from retrain.local.batch.schema import (
    Check,
    anything,
    both,
    choice,
    duration_of,
    flag,
    identifier,
    integer,
    listing,
    moment,
    not_emulated,
    prefix,
    record,
    text,
)


def formula(name: str, value: Any) -> None:
    """A formula of automatic scaling that can be read."""
    text(name, value)
    if len(value) > LONGEST:
        raise Refused("AutoScaleFormulaTooLong", Length=str(len(value)))
    try:
        parse(value)
    except FormulaSyntaxError as error:
        raise Refused("AutoScalingFormulaSyntaxError", Message=error.detail) from error


def check_scaling(name: str, body: Any) -> None:
    """A pool's size is set by a formula or by its targets, never by both."""
    scales = body.get("enableAutoScale")
    if scales and not body.get("autoScaleFormula"):
        raise Refused("MissingRequiredProperty", PropertyName="autoScaleFormula")
    theirs = ("targetDedicatedNodes", "targetLowPriorityNodes")
    ours = ("autoScaleFormula", "autoScaleEvaluationInterval")
    for wrong in theirs if scales else ours:
        if body.get(wrong) is not None:
            reason = f"{wrong} can't be given when enableAutoScale is {str(bool(scales)).lower()}"
            raise Refused("InvalidAutoScalingSettings", PropertyName=wrong, Reason=reason)


_RESIZE_TIMEOUT: Final = duration_of(at_least="PT5M")
_AUTOSCALE_INTERVAL: Final = duration_of(at_least="PT5M", at_most="PT168H")
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
            "extensions": not_emulated,
            **dict.fromkeys(
                (
                    *("containerConfiguration", "dataDisks", "diskEncryptionConfiguration"),
                    *("licenseType", "nodePlacementConfiguration", "osDisk"),
                    *("securityProfile", "serviceArtifactReference", "windowsConfiguration"),
                ),
                anything,
            ),
        }
    ),
    "resizeTimeout": _RESIZE_TIMEOUT,
    "targetDedicatedNodes": _COUNT,
    "targetLowPriorityNodes": _COUNT,
    "enableAutoScale": flag,
    "autoScaleFormula": formula,
    "autoScaleEvaluationInterval": _AUTOSCALE_INTERVAL,
    "enableInterNodeCommunication": flag,
    "networkConfiguration": record(
        {
            "subnetId": text,
            "dynamicVNetAssignmentScope": text,
            "publicIPAddressConfiguration": anything,
            "enableAcceleratedNetworking": flag,
            "endpointConfiguration": not_emulated,
        }
    ),
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
                "poolLifetimeOption!": choice("job", "jobschedule"),
                "keepAlive": flag,
                "pool": both(record(_POOL), check_scaling),
            }
        ),
    }
)
NEW_POOL: Final = both(record({"id!": identifier, **_POOL}), check_scaling)
#: What a pool without nodes may change; with nodes only those of `POOL_ALWAYS`.
POOL_UPDATE: Final = record(
    {
        name.removesuffix("!"): check
        for name, check in _POOL.items()
        if not name.startswith(("target", "autoScale", "enableAutoScale", "resizeTimeout"))
    }
)
POOL_ALWAYS: Final = frozenset({"startTask", "applicationPackageReferences", "metadata"})
POOL_REPLACE: Final = record(
    {
        "startTask": START_TASK,
        "applicationPackageReferences!": not_emulated,
        "certificateReferences": not_emulated,
        "metadata!": bodies.METADATA,
    }
)
AUTOSCALE_ENABLE: Final = record(
    {"autoScaleFormula": formula, "autoScaleEvaluationInterval": _AUTOSCALE_INTERVAL}
)
AUTOSCALE_EVALUATE: Final = record({"autoScaleFormula!": formula})
_OPTION: Final = choice(*DEALLOCATION)
POOL_RESIZE: Final = record(
    {
        "targetDedicatedNodes": _COUNT,
        "targetLowPriorityNodes": _COUNT,
        "resizeTimeout": _RESIZE_TIMEOUT,
        "nodeDeallocationOption": _OPTION,
    }
)
NODE_REMOVE: Final = record(
    {
        "nodeList!": listing(text),
        "resizeTimeout": _RESIZE_TIMEOUT,
        "nodeDeallocationOption": _OPTION,
    }
)
NODE_DISABLE: Final = record(
    {"nodeDisableSchedulingOption": choice("requeue", "terminate", "taskcompletion")}
)
NODE_USER_UPDATE: Final = record({"password": text, "expiryTime": moment, "sshPublicKey": text})
NODE_USER: Final = record(
    {
        "name!": text,
        "isAdmin": flag,
        "password": text,
        "expiryTime": moment,
        "sshPublicKey": text,
    }
)
LOG_UPLOAD: Final = record(
    {
        "containerUrl!": text,
        "startTime!": moment,
        "endTime": moment,
        "identityReference": not_emulated,
    }
)


def node_option(name: str) -> Check:
    """The body that says what becomes of the tasks of a node that goes."""
    return record({name: _OPTION})
