"""host.json: how many at once, how long, and under which prefix.

Only the settings that change what this host does are read; their defaults are the cloud's.
Source: learn.microsoft.com, "host.json reference for Azure Functions 2.x and later".
"""

import json
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from retrain.local.host.errors import AppRefused

_SPAN = re.compile(r"(?:(\d+)\.)?(\d{1,2}):(\d{2}):(\d{2})(?:\.(\d{1,7}))?")


@dataclass(frozen=True, slots=True)
class ServiceBusOptions:
    """extensions.serviceBus; times in seconds."""

    auto_complete: bool = True
    max_lock_renewal: float = 300.0
    max_concurrent_calls: int = 16
    max_concurrent_sessions: int = 8
    session_idle_timeout: float = 60.0


@dataclass(frozen=True, slots=True)
class BlobOptions:
    """extensions.blobs. `parallelism` is for the whole machine: the setting times the cores."""

    parallelism: int = 8 * (os.cpu_count() or 1)
    poison_threshold: int = 5


@dataclass(frozen=True, slots=True)
class HostJson:
    """What the file says. `function_timeout` in seconds, None for no limit."""

    function_timeout: float | None = 1800.0
    route_prefix: str = "api"
    service_bus: ServiceBusOptions = field(default_factory=ServiceBusOptions)
    blobs: BlobOptions = field(default_factory=BlobOptions)


def read_host_json(root: Path) -> HostJson:
    """Read `root`/host.json. Raises AppRefused when it is missing, no JSON, or not version 2.0."""
    file = root / "host.json"
    try:
        content = json.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise AppRefused(f"There is no {file}. Write one; at least: {_LEAST}") from None
    except ValueError as error:
        raise AppRefused(f"{file} is not JSON: {error}. At least it must be: {_LEAST}") from error
    if not isinstance(content, dict) or content.get("version") != "2.0":
        raise AppRefused(f'{file} must say "version": "2.0"; the host starts no other.')
    try:
        return _parsed(content)
    except (ValueError, TypeError, AttributeError) as error:
        raise AppRefused(f"{file}: {error}") from error


_LEAST = '{"version": "2.0"}'


def _parsed(content: Mapping[str, Any]) -> HostJson:
    extensions = content.get("extensions", {})
    http = extensions.get("http", {})
    timeout = content.get("functionTimeout", "00:30:00")
    return HostJson(
        function_timeout=None if timeout in ("-1", -1) else seconds(timeout),
        route_prefix=str(http.get("routePrefix", "api")).strip("/"),
        service_bus=_service_bus(extensions.get("serviceBus", {})),
        blobs=_blobs(extensions.get("blobs", {})),
    )


def _service_bus(content: Mapping[str, Any]) -> ServiceBusOptions:
    default = ServiceBusOptions()
    idle = content.get("sessionIdleTimeout")
    renewal = content.get("maxAutoLockRenewalDuration")
    return ServiceBusOptions(
        auto_complete=bool(content.get("autoCompleteMessages", True)),
        max_lock_renewal=seconds(renewal) if renewal else default.max_lock_renewal,
        max_concurrent_calls=_count(content, "maxConcurrentCalls", default.max_concurrent_calls),
        max_concurrent_sessions=_count(
            content, "maxConcurrentSessions", default.max_concurrent_sessions
        ),
        session_idle_timeout=seconds(idle) if idle else default.session_idle_timeout,
    )


def _blobs(content: Mapping[str, Any]) -> BlobOptions:
    cores = os.cpu_count() or 1
    return BlobOptions(
        parallelism=_count(content, "maxDegreeOfParallelism", 8) * cores,
        poison_threshold=_count(content, "poisonBlobThreshold", 5),
    )


def _count(content: Mapping[str, Any], name: str, default: int) -> int:
    value = content.get(name, default)
    if not isinstance(value, int) or value < 1:
        raise ValueError(f"{name} must be a whole number of at least 1, not {value!r}")
    return value


def seconds(span: str) -> float:
    """A .NET TimeSpan, `[d.]hh:mm:ss[.fffffff]`, in seconds. Raises ValueError for another form."""
    match = _SPAN.fullmatch(str(span))
    if match is None:
        raise ValueError(f"'{span}' is not a time span; write hours:minutes:seconds, 00:05:00")
    days, hours, minutes, whole, part = (group or "0" for group in match.groups())
    return (
        int(days) * 86400 + int(hours) * 3600 + int(minutes) * 60 + int(whole) + float(f"0.{part}")
    )
