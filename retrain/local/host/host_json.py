"""host.json: how many at once, how long, and under which prefix.

What the real host reads and this one honours is here, with the cloud's defaults. What is known and
changes nothing on one machine is accepted (logging, extensionBundle, concurrency, …), as is any
section nobody knows: the real host ignores those, too. A value of the wrong kind is refused.
Source: learn.microsoft.com, "host.json reference for Azure Functions 2.x and later".
"""

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from retrain.local.host.errors import AppRefused
from retrain.local.host.host_json_values import Section, seconds

__all__ = ["BlobOptions", "HostJson", "HttpOptions", "ServiceBusOptions", "read_host_json"]


@dataclass(frozen=True, slots=True)
class HttpOptions:
    """extensions.http. None: no limit."""

    route_prefix: str = "api"
    max_outstanding: int | None = None
    max_concurrent: int | None = None
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ServiceBusOptions:
    """extensions.serviceBus; times in seconds."""

    prefetch: int = 0
    auto_complete: bool = True
    max_lock_renewal: float = 300.0
    max_concurrent_calls: int = 16
    max_concurrent_sessions: int = 8
    session_idle_timeout: float = 60.0
    max_batch: int = 1000
    min_batch: int = 1
    max_batch_wait: float = 30.0


@dataclass(frozen=True, slots=True)
class BlobOptions:
    """extensions.blobs. `parallelism` is for the whole machine: the setting times the cores."""

    parallelism: int = 8 * (os.cpu_count() or 1)
    poison_threshold: int = 5


@dataclass(frozen=True, slots=True)
class HostJson:
    """What the file says. `function_timeout` in seconds, None for no limit."""

    function_timeout: float | None = 1800.0
    http: HttpOptions = field(default_factory=HttpOptions)
    service_bus: ServiceBusOptions = field(default_factory=ServiceBusOptions)
    blobs: BlobOptions = field(default_factory=BlobOptions)
    #: The functions that run, None for all of them.
    only: frozenset[str] | None = None


def read_host_json(root: Path) -> HostJson:
    """Read `root`/host.json. Raises AppRefused when it is missing, no JSON, or not version 2.0."""
    file = root / "host.json"
    try:
        content = json.loads(file.read_text(encoding="utf-8-sig"))
    except FileNotFoundError:
        raise AppRefused(f"There is no {file}. Write one; at least: {_LEAST}") from None
    except ValueError as error:
        raise AppRefused(f"{file} is not JSON: {error}. At least it must be: {_LEAST}") from error
    if not isinstance(content, dict) or content.get("version") != "2.0":
        raise AppRefused(f'{file} must say "version": "2.0"; the host starts no other.')
    try:
        return _parsed(Section(content))
    except ValueError as error:
        raise AppRefused(f"{file}: {error}") from error


_LEAST = '{"version": "2.0"}'


def _parsed(content: Section) -> HostJson:
    extensions = content.section("extensions")
    timeout = content.get("functionTimeout", "00:30:00")
    only = content.get("functions")
    return HostJson(
        function_timeout=None if timeout in ("-1", -1) else seconds(timeout),
        http=_http(extensions.section("http")),
        service_bus=_service_bus(extensions.section("serviceBus")),
        blobs=_blobs(extensions.section("blobs")),
        only=frozenset(str(name).casefold() for name in only) if only else None,
    )


def _http(content: Section) -> HttpOptions:
    headers = content.section("customHeaders")
    return HttpOptions(
        route_prefix=str(content.get("routePrefix", "api")).strip("/"),
        max_outstanding=content.limit("maxOutstandingRequests"),
        max_concurrent=content.limit("maxConcurrentRequests"),
        headers={name: str(value) for name, value in headers.items()},
    )


def _service_bus(content: Section) -> ServiceBusOptions:
    default = ServiceBusOptions()
    if content.flag("enableCrossEntityTransactions", False):
        raise ValueError(
            "extensions.serviceBus.enableCrossEntityTransactions: the Service Bus emulator has no "
            "transactions, so nothing here can be one; leave it false."
        )
    options = ServiceBusOptions(
        prefetch=content.count("prefetchCount", default.prefetch, least=0),
        auto_complete=content.flag("autoCompleteMessages", default.auto_complete),
        max_lock_renewal=content.span("maxAutoLockRenewalDuration", default.max_lock_renewal),
        max_concurrent_calls=content.count("maxConcurrentCalls", default.max_concurrent_calls),
        max_concurrent_sessions=content.count(
            "maxConcurrentSessions", default.max_concurrent_sessions
        ),
        session_idle_timeout=content.span("sessionIdleTimeout", default.session_idle_timeout),
        max_batch=content.count("maxMessageBatchSize", default.max_batch),
        min_batch=content.count("minMessageBatchSize", default.min_batch),
        max_batch_wait=content.span("maxBatchWaitTime", default.max_batch_wait),
    )
    if options.min_batch > options.max_batch:
        raise ValueError(
            f"minMessageBatchSize is {options.min_batch}, more than maxMessageBatchSize, "
            f"{options.max_batch}"
        )
    return options


def _blobs(content: Section) -> BlobOptions:
    cores = os.cpu_count() or 1
    return BlobOptions(
        parallelism=content.count("maxDegreeOfParallelism", 8) * cores,
        poison_threshold=content.count("poisonBlobThreshold", 5),
    )
