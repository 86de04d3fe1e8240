"""Traces and metrics through the real SDK, over the simulated world; and that nothing is paid
without somebody who listens."""

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from shared import wire
from shared.domain.events import TakenDown
from shared.ports.telemetry import Call
from shared.telemetry.asked import exporters
from shared.telemetry.identity import read, span_of, trace_of
from shared.telemetry.otel import OpenTelemetryRuns, from_environment
from shared.wiring import Product, built
from tests.factories import a_document
from tests.flow.otlp_receiver import Receiver, otlp_receiver
from tests.simulation.twins.world import Twins

# It is in requirements.txt; an environment that was made before has to be made anew.

ROOT: Final = Path(__file__).parents[3]
DOCS: Final = (ROOT / "docs" / "telemetry.md").read_text()
CALLER: Final = f"00-{'ab' * 16}-{'cd' * 8}-01"

ASKED: Final[dict[str, tuple[dict[str, str], dict[str, str]]]] = {
    "nothing": ({}, {}),
    "an endpoint": (
        {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://x"},
        {"traces": "otlp", "metrics": "otlp"},
    ),
    "an endpoint for one": (
        {"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "http://x"},
        {"traces": "otlp"},
    ),
    "one by name": ({"OTEL_METRICS_EXPORTER": "console"}, {"metrics": "console"}),
    "one of them not": (
        {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://x", "OTEL_METRICS_EXPORTER": "none"},
        {"traces": "otlp"},
    ),
    "switched off": (
        {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://x", "OTEL_SDK_DISABLED": "True"},
        {},
    ),
    "a name alone": ({"OTEL_SERVICE_NAME": "x"}, {}),
}


@pytest.mark.parametrize(("environ", "wanted"), ASKED.values(), ids=ASKED)
def test_who_listens(environ: dict[str, str], wanted: dict[str, str]) -> None:
    assert exporters(environ) == wanted


def test_without_a_listener_nothing_of_the_sdk_is_imported() -> None:
    look = (
        "import os, sys, json\n"
        "import function_app\n"
        "from shared.wiring import telemetry, product\n"
        "product()\n"
        "print(json.dumps([type(telemetry()).__name__, *[m for m in sys.modules if m.startswith("
        "('opentelemetry.sdk', 'opentelemetry.exporter', 'opentelemetry.proto', 'google.protobuf'"
        "))]]))"
    )
    environ = {
        "RETRAIN_STORAGE": "UseDevelopmentStorage=true",
        "RETRAIN_SERVICEBUS": "Endpoint=sb://127.0.0.1",
        "RETRAIN_BATCH": "http://127.0.0.1:1",
        "RETRAIN_BATCH_ACCOUNT": "a",
        "RETRAIN_BATCH_KEY": "a2V5",
        "PATH": "",
    }
    done = subprocess.run(
        [sys.executable, "-c", look],
        cwd=ROOT,
        env=environ,
        capture_output=True,
        text=True,
        check=True,
    )
    assert json.loads(done.stdout.splitlines()[-1]) == ["Silent"]


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with otlp_receiver() as started:
        yield started


@pytest.fixture
def telemetry(receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> Iterator[OpenTelemetryRuns]:
    environ = {"OTEL_EXPORTER_OTLP_ENDPOINT": receiver.endpoint}
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", receiver.endpoint)
    made = from_environment(exporters(environ), environ)
    yield made
    made.close()


def _completed(twins: Twins, product: Product, name: str) -> None:
    _settle(twins, product)
    with product.workflow.telemetry.call(Call("task_ended", "datasource")):
        product.observer.landed(f"{name}/1/ended")
    _settle(twins, product)


def _settle(twins: Twins, product: Product) -> None:
    """Hand out what is due, as the doors do, while time passes."""
    for _ in range(120):
        twins.clock.pass_by(1)
        while due := [m for m in twins.bus.messages if m.visible_at <= twins.clock.now]:
            message = due[0]
            twins.bus.messages.remove(message)
            queue = "run-events" if message.session else "training-requests"
            with product.workflow.telemetry.call(Call(f"process {queue}", "pubsub", queue=queue)):
                if message.session:
                    product.inbox.handle(*wire.decode_event(message.body))
                else:
                    product.admission.admit(wire.decode_request(message.body))


def test_a_run_is_one_trace(receiver: Receiver, telemetry: OpenTelemetryRuns) -> None:
    twins = Twins()
    product = built(twins.ports, telemetry=telemetry)
    with telemetry.call(Call("POST /api/jobs", "http", caller=CALLER)):
        run = product.admission.submit_document(a_document(experiment_name="wine"), None)
    _completed(twins, product, run.name)
    telemetry.flush()
    spans = receiver.trace(run.name)
    assert {span.trace for span in spans} == {f"{trace_of(run.name):032x}"}
    ids = {span.id: span for span in spans}
    assert len(ids) == len(spans), "no span is told twice"
    (root,) = (span for span in spans if not span.parent)
    assert (root.name, root.id) == ("run", f"{span_of(run.name):016x}")
    assert root.attributes["retrain.status"] == "Completed"
    assert root.attributes["retrain.experiment"] == "wine"
    assert root.links == ("ab" * 16,)
    assert all(span.parent in ids for span in spans if span.parent), "the tree is whole"
    tree = {(span.name, ids[span.parent].name) for span in spans if span.parent}
    assert tree >= {
        ("POST /api/jobs", "run"),
        ("accept", "POST /api/jobs"),
        ("step requested", "process run-events"),
        ("provision", "step requested"),
        ("step attempt_ended", "process run-events"),
        ("take_down", "step attempt_ended"),
        ("step taken_down", "process run-events"),
        ("attempt", "run"),
        ("script", "attempt"),
        ("Finalizing", "attempt"),
        ("Queued", "run"),
    }
    assert all(root.start <= span.start for span in spans if ids.get(span.parent) == root)


def test_a_step_that_comes_again_does_not_end_the_run_twice(
    receiver: Receiver, telemetry: OpenTelemetryRuns
) -> None:
    twins = Twins()
    product = built(twins.ports, telemetry=telemetry)
    run = product.admission.submit_document(a_document(), None)
    _completed(twins, product, run.name)
    last = twins.runs.load(run.name).run
    again = TakenDown(id=last.last_event, at=twins.clock.now, attempt=1)
    product.inbox.handle(run.name, again)
    telemetry.flush()
    spans = receiver.trace(run.name)
    assert [span.name for span in spans].count("run") == 1
    assert [span.name for span in spans].count("step taken_down") == 2
    ((labels, point),) = receiver.metrics["retrain.run.duration"]
    assert (labels["retrain.status"], point.count) == ("Completed", 1)


def test_what_is_counted_is_what_is_documented(
    receiver: Receiver, telemetry: OpenTelemetryRuns
) -> None:
    twins = Twins()
    product = built(twins.ports, telemetry=telemetry)
    run = product.admission.submit_document(a_document(), None)
    product.watch.tick()
    product.dead_letters.count()
    telemetry.flush()
    active = {
        one["retrain.status"]: at.as_int for one, at in receiver.metrics["retrain.run.active"]
    }
    assert active.pop("NotStarted") == 1
    assert set(active.values()) == {0}, "who has none is told, too"
    assert receiver.metrics["retrain.dead_letters"][0][1].as_int == 0
    _completed(twins, product, run.name)
    product.watch.tick()
    failing = product.admission.submit_document(a_document(command="no"), None)
    product.admission.cancel(failing.name)
    _settle(twins, product)
    telemetry.flush()
    assert receiver.metrics["retrain.run.active"][0][1].as_int == 0
    assert receiver.metrics["retrain.compute.billed"][0][1].as_double > 0
    documented = set(re.findall(r"^\| `(retrain\.[\w.]+)` \|", DOCS, re.MULTILINE))
    assert documented == {*receiver.metrics, "retrain.run.failures"}
    statuses = {labels["retrain.status"] for labels, _ in receiver.metrics["retrain.run.duration"]}
    assert statuses == {"Completed", "Canceled"}


def test_a_sampled_run_is_whole_on_every_instance(
    receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OTEL_TRACES_SAMPLER", "parentbased_traceidratio")
    monkeypatch.setenv("OTEL_TRACES_SAMPLER_ARG", "0.5")
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", receiver.endpoint)
    environ = {"OTEL_EXPORTER_OTLP_ENDPOINT": receiver.endpoint, "OTEL_METRICS_EXPORTER": "none"}
    instances = [from_environment(exporters(environ), environ) for _ in range(2)]
    names = [f"run-{number}" for number in range(20)]
    for instance in instances:
        for name in names:
            with instance.span("step", name):
                pass
        instance.close()
    told = [len(receiver.trace(name)) for name in names]
    assert set(told) == {0, 2}


@pytest.mark.parametrize("wrong", ["", "x", "00-0-0-0", f"00-{'0' * 32}-{'0' * 16}-01"])
def test_what_is_no_trace_context_is_none(wrong: str) -> None:
    assert read(wrong) is None


def test_an_exporter_that_is_not_installed_is_said() -> None:
    with pytest.raises(LookupError, match="'zipkin' of traces; install its package"):
        from_environment({"traces": "zipkin"}, {})
