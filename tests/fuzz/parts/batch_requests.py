"""Requests to a Batch account that start from ones that make sense, and lose it on the way."""

import base64
import hashlib
import hmac
import json
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import format_datetime
from random import Random
from typing import Any
from urllib.parse import quote

from retrain.local.batch import BatchSettings
from retrain.local.batch.routes import OPERATIONS
from retrain.local.batch.shared_key import SharedKey

VERSION = "2025-06-01"

_POOL: dict[str, Any] = {
    "vmSize": "standard_d2s_v3",
    "virtualMachineConfiguration": {
        "imageReference": {"publisher": "p", "offer": "o", "sku": "s"},
        "nodeAgentSKUId": "batch.node.ubuntu 22.04",
    },
    "targetDedicatedNodes": 1,
    "taskSlotsPerNode": 2,
    "metadata": [{"name": "n", "value": "v"}],
}
_TASK: dict[str, Any] = {
    "id": "t",
    "commandLine": "/bin/true",
    "constraints": {"maxTaskRetryCount": 1, "maxWallClockTime": "PT1S", "retentionTime": "P7D"},
    "environmentSettings": [{"name": "A", "value": "b"}],
    "dependsOn": {"taskIds": ["a"], "taskIdRanges": [{"start": 1, "end": 3}]},
    "exitConditions": {
        "exitCodes": [{"code": 1, "exitOptions": {"jobAction": "none"}}],
        "default": {"dependencyAction": "satisfy"},
    },
    "resourceFiles": [{"httpUrl": "http://127.0.0.1:9/x", "filePath": "x"}],
    "requiredSlots": 1,
}
_TEAM: dict[str, Any] = {
    "id": "2",
    "commandLine": "/bin/true",
    "multiInstanceSettings": {
        "numberOfInstances": 2,
        "coordinationCommandLine": "/bin/true",
        "commonResourceFiles": [],
    },
    "affinityInfo": {"affinityId": "x"},
}
_MANAGER: dict[str, Any] = {
    "id": "m",
    "commandLine": "/bin/true",
    "killJobOnCompletion": False,
    "runExclusive": True,
}
_COMMAND: dict[str, Any] = {"commandLine": "/bin/true", "waitForSuccess": True}
_JOB: dict[str, Any] = {
    "priority": 1,
    "poolInfo": {"poolId": "p"},
    "usesTaskDependencies": True,
    "onTaskFailure": "performexitoptionsjobaction",
    "onAllTasksComplete": "noaction",
    "constraints": {"maxWallClockTime": "PT10S", "maxTaskRetryCount": 0},
    "metadata": [{"name": "n", "value": "v"}],
    "jobPreparationTask": _COMMAND,
    "jobReleaseTask": {"commandLine": "/bin/true"},
}
_AUTO: dict[str, Any] = {
    "autoPoolSpecification": {
        "autoPoolIdPrefix": "auto",
        "poolLifetimeOption": "job",
        "keepAlive": False,
        "pool": _POOL,
    }
}
_SCHEDULE: dict[str, Any] = {
    "schedule": {
        "doNotRunUntil": "2026-11-24T07:30:00Z",
        "recurrenceInterval": "PT1M",
        "startWindow": "PT1M",
    },
    "jobSpecification": _JOB,
}
#: What each operation takes; those that are not here get any of these.
_BODIES: dict[str, list[dict[str, Any]]] = {
    "create_pool": [
        {"id": "p", **_POOL},
        {"id": "p", **_POOL, "startTask": {"commandLine": "/bin/true", "waitForSuccess": True}},
        {"id": "p", **_POOL, "enableInterNodeCommunication": True, "taskSlotsPerNode": 1},
    ],
    "update_pool": [{"metadata": []}],
    "resize_pool": [{"targetDedicatedNodes": 2}, {"targetDedicatedNodes": 0}],
    "create_job": [
        {"id": "j", **_JOB},
        {"id": "k", **_JOB, "poolInfo": _AUTO},
        {"id": "j", "poolInfo": {"poolId": "p"}, "jobManagerTask": _MANAGER},
    ],
    "remove_nodes": [{"nodeList": ["x"], "nodeDeallocationOption": "requeue"}],
    "reboot_node": [{"nodeRebootOption": "terminate"}, {}],
    "reimage_node": [{"nodeReimageOption": "requeue"}, {}],
    "deallocate_node": [{"nodeDeallocateOption": "requeue"}, {}],
    "disable_node_scheduling": [{"nodeDisableSchedulingOption": "requeue"}, {}],
    "enable_pool_auto_scale": [{"autoScaleFormula": "$TargetDedicatedNodes = 2"}],
    "evaluate_pool_auto_scale": [{"autoScaleFormula": "$TargetDedicatedNodes = 1 +"}],
    "replace_pool_properties": [
        {"applicationPackageReferences": [], "certificateReferences": [], "metadata": []}
    ],
    "update_job": [_JOB, {"priority": 3}],
    "replace_job": [_JOB],
    "disable_job": [{"disableTasks": "requeue"}, {"disableTasks": "wait"}],
    "terminate_job": [{"terminateReason": "x"}],
    "create_task": [_TASK, {"id": "1", "commandLine": "/bin/true"}, _TEAM],
    "create_task_collection": [{"value": [_TASK, {"id": "2", "commandLine": "/bin/false"}]}],
    "replace_task": [{"constraints": _TASK["constraints"]}],
    "create_job_schedule": [{"id": "s", **_SCHEDULE}],
    "update_job_schedule": [_SCHEDULE],
    "replace_job_schedule": [_SCHEDULE],
}
_ANY_BODY = [body for bodies in _BODIES.values() for body in bodies]
_IDS = [
    "p",
    "j",
    "k",
    "s",
    "t",
    "1",
    "2",
    "a",
    "P",
    "s:job-1",
    "x" * 65,
    "a.b",
    "",
    "..",
    "\0",
    "é",
]
_FILES = [
    "stdout.txt",
    "wd",
    "wd/x",
    "../../..",
    "/etc/passwd",
    "x" * 300,
    "a\0b",
    "%",
    "a\r\nb: c",
]
_ODD: list[Any] = [
    *(
        2**31 - 1,
        None,
        True,
        0,
        -1,
        1.5,
        2**31,
        2**63,
        10**400,
        "",
        "x" * 70,
        "\0",
        "\ud800",
        "PT",
        "P1D",
    ),
    *(
        [],
        {},
        [[]],
        [None],
        {"id": 1},
        "2026-99-99T00:00:00Z",
        "9999-12-31T23:59:59Z",
        "0001-01-01T00:00:00+14:00",
        "requeue",
        "satisfy",
        "é",
        "-PT1S",
    ),
]
_MAKING = [each for each in OPERATIONS if each[0].startswith("create_")]
_QUERIES: dict[str, list[str]] = {
    "$filter": [
        *("id eq 'j'", "state ne 'active' and startswith(id,'t')", "creationTime lt 2100-01-01"),
        *("executionInfo/exitCode gt 1", "not " * 200 + "id eq 'x'", "(" * 300, "x eq 2026-13-01T"),
        *("stateTransitionTime ge datetime'2026-13-41T99:00:00Z'", "id lt 3 or metadata eq null"),
        *("priority eq true", "9" * 500 + " eq id", "id eq " + "9" * 500, "'", "§"),
    ],
    "$select": ["id", "id,state", "executionInfo/exitCode", ",", "/", "id/x/y", "é"],
    "$expand": ["stats", "x", ""],
    "maxresults": ["1", "0", "1000", "x", "9" * 5000, "-1", "٣"],
    "$skiptoken": ["0", "5", "x", "9" * 5000, "٣"],
    "timeOut": ["30", "x"],
    "recursive": ["true", "x"],
    "force": ["true", "false"],
    "api-version": [VERSION, "", "2000-01-01", "x" * 999],
}
_HEADERS: dict[str, list[str]] = {
    "if-match": ["*", '"0x1"', "x, y", '"'],
    "if-none-match": ["*", '"0x1"'],
    "if-modified-since": ["Tue, 24 Nov 2026 00:00:00 GMT", "Tue, 24 Nov 2026 00:00:00 -0000", "x"],
    "if-unmodified-since": ["Tue, 24 Nov 1999 00:00:00 GMT", "Tue, 99 Nov 2026 00:00:00 GMT"],
    "ocp-range": ["bytes=0-3", "bytes=5-", "bytes=9-1", "bytes=" + "9" * 5000 + "-", "x"],
    "range": ["bytes=0-", "lines=1"],
    "ocp-date": ["Tue, 24 Nov 2026 00:00:00 -0000", "x", ""],
    "client-request-id": ["x" * 1000, "é"],
    "return-client-request-id": ["true", "x"],
    "authorization": ["SharedKey x:y", "Bearer x", "SharedKey", "é"],
    "content-type": ["text/plain", ""],
}


@dataclass(slots=True)
class Asked:
    """One request; `path` and `query` are as they go over the wire."""

    method: str
    path: str
    query: str
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""

    @property
    def target(self) -> str:
        return f"{self.path}?{self.query}"


def a_request(rng: Random, settings: BatchSettings) -> Asked:
    """An operation with arguments, mostly signed and often otherwise wrong."""
    name, method, path, _ = rng.choice(_MAKING if rng.random() < 0.3 else OPERATIONS)
    if rng.random() < 0.03:
        method = rng.choice(["GET", "PUT", "POST", "DELETE", "PATCH", "HEAD", "OPTIONS", "TRACE"])
    query = {"api-version": VERSION}
    for key in _some(rng, sorted(_QUERIES), 0.05):
        query[key] = rng.choice(_QUERIES[key])
    asked = Asked(
        method=method,
        path="/" + "/".join(_part(rng, part) for part in path.split("/")),
        query="&".join(f"{quote(key, safe='$')}={quote(query[key])}" for key in query),
        body=_body(rng, name) if method in ("POST", "PUT", "PATCH") else b"",
    )
    sign(asked, settings)
    for key in _some(rng, sorted(_HEADERS), 0.03):
        asked.headers[key] = rng.choice(_HEADERS[key])
        if key != "authorization" and rng.random() < 0.9:
            sign(asked, settings)
    return asked


def _some(rng: Random, names: list[str], share: float) -> list[str]:
    return [name for name in names if rng.random() < share]


def _part(rng: Random, part: str) -> str:
    if not part.startswith("{"):
        return part
    if "*" in part:
        return quote(rng.choice(_FILES), safe=rng.choice(["/", ""]))
    likely = {"{pool}": "p", "{job}": "j", "{task}": "t", "{schedule}": "s"}.get(part, "x")
    return quote(likely if rng.random() < 0.8 else rng.choice(_IDS), safe="")


def _body(rng: Random, operation: str) -> bytes:
    if rng.random() < 0.05:
        return rng.choice(
            [b"", b"{", b"[]", b"null", b"\xff", b"NaN", b"[" * 9999, b'{"id":NaN}', b"1" * 5000]
        )
    body = rng.choice(_BODIES.get(operation, _ANY_BODY))
    for _ in range(rng.choice([0, 0, 0, 1, 1, 2, 5])):
        body = _mutated(rng, body)
    return json.dumps(body).encode()


def _mutated(rng: Random, value: Any) -> Any:
    """The same with one thing somewhere in it replaced, removed, or added."""
    if rng.random() < 0.15 or not value or not isinstance(value, dict | list):
        return rng.choice(_ODD)
    if isinstance(value, list):
        place = rng.randrange(len(value))
        return [*value[:place], _mutated(rng, value[place]), *value[place + 1 :]]
    name = rng.choice(sorted(value))
    chance = rng.random()
    if chance < 0.1:
        return {key: each for key, each in value.items() if key != name}
    if chance < 0.15:
        return {**value, rng.choice(["x", "id", "odata.x", "é"]): rng.choice(_ODD)}
    if name == "id" and chance < 0.6:
        return {**value, "id": rng.choice(_IDS)}
    return {**value, name: _mutated(rng, value[name])}


def sign(asked: Asked, settings: BatchSettings) -> None:
    """Sign it as it is now."""
    headers = asked.headers
    headers.setdefault("ocp-date", format_datetime(datetime.now(UTC), usegmt=True))
    if asked.body:
        headers.setdefault("content-type", "application/json; odata=minimalmetadata")
        headers["content-length"] = str(len(asked.body))
    key = SharedKey(settings.account, settings.key)
    text = key.string_to_sign(asked.method, asked.path, asked.query, headers)
    digest = hmac.digest(base64.b64decode(settings.key), text.encode(), hashlib.sha256)
    signature = base64.b64encode(digest).decode()
    headers["authorization"] = f"SharedKey {settings.account}:{signature}"
