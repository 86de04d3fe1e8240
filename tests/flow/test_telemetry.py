"""A run as a collector sees it: one trace over every process and queue, and what is counted."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import httpx
import pytest

from retrain.client import Client
from tests.flow.local_stack import LocalStack, ended, eventually, job, running_stack
from tests.flow.otlp_receiver import Receiver, Seen, otlp_receiver

pytestmark = pytest.mark.xdist_group("telemetry")

CALLER: Final = f"00-{'ab' * 16}-{'cd' * 8}-01"


@pytest.fixture(scope="module")
def receiver() -> Iterator[Receiver]:
    with otlp_receiver() as started:
        yield started


@pytest.fixture(scope="module")
def stack(receiver: Receiver, tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalStack]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", receiver.endpoint)
        patch.setenv("OTEL_BSP_SCHEDULE_DELAY", "200")
        patch.setenv("OTEL_METRIC_EXPORT_INTERVAL", "500")
        patch.setenv("RETRAIN_LOG", "json")
        with running_stack(tmp_path_factory.mktemp("told")) as started:
            yield started


@pytest.fixture
def client(stack: LocalStack) -> Iterator[Client]:
    with stack.client() as connected:
        yield connected


def _whole(receiver: Receiver, run: str, *needed: str) -> dict[str, Seen]:
    """The run's spans by id, once the tree is whole and has these."""

    def spans() -> dict[str, Seen]:
        found = {span.id: span for span in receiver.trace(run)}
        names = {span.name for span in found.values()}
        loose = [span for span in found.values() if span.parent and span.parent not in found]
        return found if names >= {"run", *needed} and not loose else {}

    found: dict[str, Seen] = eventually(spans)
    assert found, sorted({span.name for span in receiver.trace(run)})
    assert len({span.trace for span in found.values()}) == 1
    return found


def _above(spans: dict[str, Seen], name: str) -> list[str]:
    """The names from the first span of that name up to the run."""
    span = min((one for one in spans.values() if one.name == name), key=lambda one: one.start)
    names = [span.name]
    while span.parent:
        span = spans[span.parent]
        names.append(span.name)
    return names


def test_a_run_is_one_trace_from_the_call_to_the_end_of_its_compute(
    client: Client, stack: LocalStack, receiver: Receiver
) -> None:
    headers = {"x-functions-key": stack.addresses["key"], "traceparent": CALLER}
    url = stack.addresses["api"] + "/api/jobs"
    name = httpx.post(url, json=job("echo trained"), headers=headers, timeout=60).json()["name"]
    assert ended(client, name)["status"] == "Completed"
    spans = _whole(receiver, name, "step taken_down", "script")
    assert _above(spans, "provision") == [
        "provision",
        "step requested",
        "process run-events",
        "send run-events",
        "admit",
        "process training-requests",
        "send training-requests",
        "accept",
        "POST /api/jobs",
        "run",
    ]
    assert _above(spans, "take_down")[:4] == [
        "take_down",
        "step attempt_ended",
        "process run-events",
        "send run-events",
    ]
    assert "task_ended" in _above(spans, "take_down")
    assert _above(spans, "script") == ["script", "attempt", "run"]
    assert _above(spans, "wait run-events")[1] == "send run-events"
    names = [span.name for span in spans.values()]
    assert (names.count("run"), names.count("attempt")) == (1, 1)
    (root,) = (span for span in spans.values() if not span.parent)
    assert root.links == ("ab" * 16,)
    assert not root.failed
    assert receiver.services == {"retrain"}


def test_each_attempt_is_told_of(client: Client, receiver: Receiver) -> None:
    retry = {"exit_codes": [75], "backoff": {"initial": 0, "max": 0}}
    document = job("[ $RETRAIN_ATTEMPT = 2 ] || exit 75", retry=retry)
    name = client.create_job(document)["name"]
    assert ended(client, name)["attempt"] == 2
    spans = _whole(receiver, name, "step retry_due")
    attempts = [span for span in spans.values() if span.name == "attempt"]
    causes = {
        one.attributes["retrain.attempt"]: one.attributes["retrain.cause"] for one in attempts
    }
    assert causes == {1: "script", 2: "none"}
    assert {one.attributes["retrain.attempt"] for one in attempts if one.failed} == {1}
    scripts = [span for span in spans.values() if span.name == "script"]
    assert {span.parent for span in scripts} == {span.id for span in attempts}


def test_a_file_that_lands_is_where_the_trace_begins(
    client: Client, receiver: Receiver, tmp_path: Path
) -> None:
    rows = {"type": "uri_file", "path": "${{trigger.path}}"}
    made = job("cat ${{inputs.rows}}", inputs={"rows": rows})
    client.create_schedule(
        {"name": "told", "trigger": {"type": "data", "path": "told/*.csv"}, "create_job": made}
    )
    (tmp_path / "a.csv").write_text("1\n")
    client.upload_data(tmp_path / "a.csv", "told/a.csv")
    runs = eventually(lambda: [r for r in client.list_jobs() if r["source"]["schedule"] == "told"])
    name = runs[0]["name"]
    ended(client, name)
    spans = _whole(receiver, name, "data_landed")
    assert _above(spans, "accept") == ["accept", "data_landed", "run"]


def test_failures_and_compute_are_counted(client: Client, receiver: Receiver) -> None:
    name = client.create_job(job("exit 3"))["name"]
    assert ended(client, name)["status"] == "Failed"

    def failed() -> bool:
        points = [*receiver.metrics.get("retrain.run.failures", [])]
        return any(labels["error.type"] == "ScriptFailed" for labels, _ in points)

    assert eventually(failed), receiver.metrics.keys()
    assert eventually(lambda: "retrain.run.active" in receiver.metrics)
    for measure in ("retrain.compute.billed", "retrain.compute.used"):
        assert {labels["retrain.vm_size"] for labels, _ in receiver.metrics[measure]} == {"local"}
    (root,) = (span for span in _whole(receiver, name).values() if not span.parent)
    assert (root.failed, root.attributes["error.type"]) == (True, "ScriptFailed")


def test_the_log_is_json(client: Client, stack: LocalStack) -> None:
    name = client.create_job(job("true"))["name"]
    ended(client, name)
    lines = [json.loads(line) for line in (stack.data / "stack.log").read_text().splitlines()]
    mine = [line for line in lines if line.get("run") == name and line.get("to")]
    assert (mine[0]["from"], mine[-1]["to"]) == ("NotStarted", "Completed")
