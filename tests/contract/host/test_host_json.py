"""host.json: what is read, what is refused, what is let pass."""

import json
import os
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from retrain.local.host import AppRefused
from retrain.local.host.host_json import (
    BlobOptions,
    HostJson,
    HttpOptions,
    ServiceBusOptions,
    read_host_json,
)
from retrain.local.host.host_json_values import seconds


def read(folder: Path, content: object) -> HostJson:
    (folder / "host.json").write_text(json.dumps(content))
    return read_host_json(folder)


def bus(**options: Any) -> dict[str, Any]:
    return {"version": "2.0", "extensions": {"serviceBus": options}}


def http(**options: Any) -> dict[str, Any]:
    return {"version": "2.0", "extensions": {"http": options}}


REFUSED = {
    "no version": ({}, '"version": "2.0"'),
    "another version": ({"version": "1.0"}, '"version": "2.0"'),
    "no object": ([], '"version": "2.0"'),
    "no time span": ({"version": "2.0", "functionTimeout": "5m"}, "'5m' is not a time span"),
    "no count": (bus(maxConcurrentCalls=0), "extensions.serviceBus.maxConcurrentCalls must be"),
    "a count that is a flag": (bus(maxConcurrentSessions=True), "maxConcurrentSessions must be"),
    "a negative prefetch": (bus(prefetchCount=-1), "prefetchCount must be .* at least 0"),
    "a flag that is a text": (bus(autoCompleteMessages="no"), "true or false, not 'no'"),
    "an idle time in seconds": (bus(sessionIdleTimeout=5), "sessionIdleTimeout: '5' is not a time"),
    "a least batch over the largest": (
        bus(minMessageBatchSize=9, maxMessageBatchSize=8),
        "minMessageBatchSize is 9, more than maxMessageBatchSize, 8",
    ),
    "transactions": (bus(enableCrossEntityTransactions=True), "has no transactions"),
    "an extension that is no object": (
        {"version": "2.0", "extensions": {"http": "api"}},
        "extensions.http must be an object",
    ),
    "a limit of nothing": (http(maxOutstandingRequests=0), "maxOutstandingRequests must be"),
}


@pytest.mark.parametrize(("content", "message"), REFUSED.values(), ids=REFUSED)
def test_refused(tmp_path: Path, content: object, message: str) -> None:
    with pytest.raises(AppRefused, match=message):
        read(tmp_path, content)


READ = {
    "the least": ({"version": "2.0"}, HostJson()),
    "no time limit": (
        {"version": "2.0", "functionTimeout": "-1"},
        HostJson(function_timeout=None),
    ),
    "http": (
        http(
            routePrefix="/v1/",
            maxOutstandingRequests=20,
            maxConcurrentRequests=-1,
            customHeaders={"X-One": "1"},
            hsts={"isEnabled": True},
            dynamicThrottlesEnabled=False,
        ),
        HostJson(
            http=HttpOptions(route_prefix="v1", max_outstanding=20, headers={"X-One": "1"}),
        ),
    ),
    "service bus": (
        bus(
            prefetchCount=5,
            autoCompleteMessages=False,
            maxAutoLockRenewalDuration="00:01:00",
            maxConcurrentCalls=2,
            maxConcurrentSessions=3,
            maxMessageBatchSize=10,
            minMessageBatchSize=4,
            maxBatchWaitTime="00:00:02.5",
            sessionIdleTimeout="1.00:00:00",
            enableCrossEntityTransactions=False,
            clientRetryOptions={"mode": "exponential"},
            transportType="amqpWebSockets",
        ),
        HostJson(
            service_bus=ServiceBusOptions(
                prefetch=5,
                auto_complete=False,
                max_lock_renewal=60,
                max_concurrent_calls=2,
                max_concurrent_sessions=3,
                session_idle_timeout=86400,
                max_batch=10,
                min_batch=4,
                max_batch_wait=2.5,
            )
        ),
    ),
    "blobs": (
        {
            "version": "2.0",
            "extensions": {"blobs": {"maxDegreeOfParallelism": 2, "poisonBlobThreshold": 1}},
        },
        HostJson(blobs=BlobOptions(parallelism=2 * (os.cpu_count() or 1), poison_threshold=1)),
    ),
    "some functions": (
        {"version": "2.0", "functions": ["One", "two"]},
        HostJson(only=frozenset({"one", "two"})),
    ),
    "what changes nothing here, and what nobody knows": (
        {
            "version": "2.0",
            "logging": {"logLevel": {"default": "Trace"}, "applicationInsights": {}},
            "extensionBundle": {"id": "x", "version": "[4.*, 5.0.0)"},
            "concurrency": {"dynamicConcurrencyEnabled": True},
            "watchDirectories": ["shared"],
            "extensions": {"queues": {"batchSize": 1}, "nobody": 1},
            "nobody": {"knows": "me"},
        },
        HostJson(),
    ),
}


@pytest.mark.parametrize(("content", "expected"), READ.values(), ids=READ)
def test_read(tmp_path: Path, content: object, expected: HostJson) -> None:
    assert read(tmp_path, content) == expected


def test_a_byte_order_mark_is_no_fault(tmp_path: Path) -> None:
    (tmp_path / "host.json").write_text('{"version": "2.0"}', encoding="utf-8-sig")
    assert read_host_json(tmp_path) == HostJson()


@given(st.integers(0, 40), st.integers(0, 23), st.integers(0, 59), st.integers(0, 59))
def test_time_spans(days: int, hours: int, minutes: int, whole: int) -> None:
    clock = f"{hours:02}:{minutes:02}:{whole:02}"
    of_day = hours * 3600 + minutes * 60 + whole
    assert seconds(clock) == of_day
    assert seconds(f"{days}.{clock}.5") == days * 86400 + of_day + 0.5
