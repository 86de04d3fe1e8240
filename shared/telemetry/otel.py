"""Telemetry over the OpenTelemetry SDK. Everything of the SDK is imported by this room alone."""

import logging
import os
import socket
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from datetime import datetime
from importlib.metadata import entry_points
from time import time_ns
from typing import Any, Final

from opentelemetry.context import Context
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.sdk.trace.sampling import Decision
from opentelemetry.trace import (
    Link,
    NonRecordingSpan,
    SpanContext,
    SpanKind,
    Status,
    StatusCode,
    TraceFlags,
    set_span_in_context,
)

from shared.domain.run import Run
from shared.ports.telemetry import Call, Value
from shared.telemetry.asked import Signal
from shared.telemetry.identity import GivenIds, read, span_of, trace_of, written
from shared.telemetry.measures import Measures
from shared.telemetry.record_spans import record_spans

log = logging.getLogger("retrain.telemetry")

#: How long the invocation that ended a run waits for its spans to be taken, in milliseconds.
FLUSH: Final = 1000
_KINDS: Final = {"http": SpanKind.SERVER, "pubsub": SpanKind.CONSUMER}


@dataclass(slots=True)
class _Call:
    """The invocation under way. runs: those for which it did something."""

    call: Call
    span: int
    runs: set[str] = field(default_factory=set)
    ended: bool = False


_call: ContextVar[_Call | None] = ContextVar("call", default=None)
#: The run and the id of the span under way.
_within: ContextVar[tuple[str, int] | None] = ContextVar("within", default=None)


class OpenTelemetryRuns:
    """Telemetry. A run's trace is the same on every instance; see shared/telemetry/identity.py."""

    def __init__(self, tracing: TracerProvider, metering: MeterProvider, ids: GivenIds) -> None:
        self._tracing, self._metering, self._ids = tracing, metering, ids
        self._tracer = tracing.get_tracer("retrain")
        self._measures = Measures(metering.get_meter("retrain"))

    @contextmanager
    def call(self, call: Call) -> Iterator[None]:
        under_way = _Call(call, self._ids.generate_span_id())
        token, start, failed = _call.set(under_way), time_ns(), ""
        try:
            yield
        except BaseException as error:
            failed = f"{type(error).__name__}: {error}"
            raise
        finally:
            _call.reset(token)
            for run in under_way.runs:
                self._tell_call(under_way, run, start, failed)
            if under_way.ended:
                self.flush()

    def flush(self) -> None:
        """Send what there is, now, within FLUSH or not."""
        self._tracing.force_flush(FLUSH)
        self._metering.force_flush(FLUSH)

    def close(self) -> None:
        self._tracing.shutdown()
        self._metering.shutdown()

    @contextmanager
    def span(
        self, name: str, run: str, attributes: Mapping[str, Value] | None = None
    ) -> Iterator[dict[str, Value]]:
        with self._span(name, run, SpanKind.INTERNAL, attributes) as (more, _):
            yield more

    @contextmanager
    def sending(self, queue: str, run: str) -> Iterator[dict[str, str]]:
        facts = {**_messaging(queue), "messaging.operation.type": "send"}
        with self._span(f"send {queue}", run, SpanKind.PRODUCER, facts) as (_, context):
            yield written(context)

    @property
    def caller(self) -> str | None:
        under_way = _call.get()
        wanted = under_way is not None and under_way.call.trigger == "http"
        return (under_way.call.caller or None) if under_way and wanted else None

    def ended(self, run: Run) -> None:
        links = _links(run.source.traceparent or "", run.name)
        for told in record_spans(run):
            self._tell(
                told.name,
                run.name,
                told.id,
                told.parent,
                (_ns(told.start), _ns(told.end)),
                attributes=told.attributes,
                failed=told.failed,
                links=links if told.parent is None else (),
            )
        self._measures.ended(run)
        if under_way := _call.get():
            under_way.ended = True

    def seen(self, active: Mapping[str, int]) -> None:
        self._measures.seen(active)

    def counted(self, dead_letters: int) -> None:
        self._measures.counted(dead_letters)

    @contextmanager
    def _span(
        self, name: str, run: str, kind: SpanKind, attributes: Mapping[str, Value] | None
    ) -> Iterator[tuple[dict[str, Value], SpanContext]]:
        within, under_way = _within.get(), _call.get()
        if under_way is not None:
            under_way.runs.add(run)
        if within is not None and within[0] == run:
            parent = within[1]
        else:
            parent = under_way.span if under_way else span_of(run)
        context = self._below(run, parent)
        facts = _said({"retrain.run": run, **(attributes or {})})
        with self._tracer.start_as_current_span(name, context, kind, facts) as span:
            token = _within.set((run, span.get_span_context().span_id))
            more: dict[str, Value] = {}
            try:
                yield more, span.get_span_context()
            finally:
                _within.reset(token)
                span.set_attributes(_said(more))

    def _tell_call(self, under_way: _Call, run: str, start: int, failed: str) -> None:
        """The invocation, in the trace of a run; and how long its message waited before it."""
        call = under_way.call
        sender = read(call.caller)
        ours = sender is not None and sender.trace_id == trace_of(run)
        parent = sender.span_id if sender and ours else span_of(run)
        facts: dict[str, Value] = {"faas.trigger": call.trigger}
        if call.queue:
            facts |= _messaging(call.queue) | {
                "messaging.operation.type": "process",
                "messaging.message.id": call.message,
                "messaging.servicebus.message.delivery_count": call.deliveries,
            }
        if call.waited_since is not None:
            waited = self._ids.generate_span_id()
            since = min(_ns(call.waited_since), start)
            self._tell(f"wait {call.queue}", run, waited, parent, (since, start))
        self._tell(
            call.name,
            run,
            under_way.span,
            parent,
            (start, time_ns()),
            attributes=facts,
            failed=failed,
            kind=_KINDS.get(call.trigger, SpanKind.INTERNAL),
            links=() if ours else _links(call.caller, run),
        )

    def _tell(
        self,
        name: str,
        run: str,
        identity: int,
        parent: int | None,
        times: tuple[int, int],
        *,
        attributes: Mapping[str, Value] | None = None,
        failed: str = "",
        kind: SpanKind = SpanKind.INTERNAL,
        links: tuple[Link, ...] = (),
    ) -> None:
        """A span that is over, with the id that it has to have."""
        context = Context() if parent is None else self._below(run, parent)
        facts = _said({"retrain.run": run, **(attributes or {})})
        with self._ids.given(trace_of(run), identity):
            span = self._tracer.start_span(name, context, kind, facts, links, times[0])
        if failed:
            span.set_status(Status(StatusCode.ERROR, failed))
        span.end(max(times))

    def _below(self, run: str, parent: int) -> Context:
        """Whether a run is sampled follows from its trace's id: it is told of whole or not."""
        trace = trace_of(run)
        decision = self._tracing.sampler.should_sample(None, trace, "run").decision
        flags = TraceFlags(
            TraceFlags.SAMPLED if decision is Decision.RECORD_AND_SAMPLE else TraceFlags.DEFAULT
        )
        above = SpanContext(trace, parent, is_remote=True, trace_flags=flags)
        return set_span_in_context(NonRecordingSpan(above), Context())


def from_environment(
    exporters: Mapping[Signal, str], environ: Mapping[str, str]
) -> OpenTelemetryRuns:
    """The SDK as its own variables set it up. Raises LookupError for an exporter that isn't there.

    It isn't made the process's global one: libraries of the app would talk of themselves.
    """
    resource, ids = Resource.create(_who(environ)), GivenIds()
    tracing = TracerProvider(resource=resource, id_generator=ids)
    if "traces" in exporters:
        tracing.add_span_processor(BatchSpanProcessor(_exporter("traces", exporters["traces"])))
    readers = []
    if "metrics" in exporters:
        readers.append(PeriodicExportingMetricReader(_exporter("metrics", exporters["metrics"])))
    return OpenTelemetryRuns(tracing, MeterProvider(readers, resource), ids)


def _exporter(signal: Signal, name: str) -> Any:
    """By the names under which packages offer theirs; `otlp` is the one over http."""
    names = {"otlp": "otlp_proto_http"}
    for found in entry_points(group=f"opentelemetry_{signal}_exporter", name=names.get(name, name)):
        return found.load()()
    raise LookupError(f"there is no exporter '{name}' of {signal}; install its package")


def _who(environ: Mapping[str, str]) -> dict[str, str]:
    """Which instance this is. The variables for it go before."""
    site, region = environ.get("WEBSITE_SITE_NAME", ""), environ.get("REGION_NAME", "")
    instance = environ.get("WEBSITE_INSTANCE_ID") or socket.gethostname()
    given = {"service.instance.id": f"{instance[:32]}-{os.getpid()}"}
    if not environ.get("OTEL_SERVICE_NAME"):
        given["service.name"] = "retrain"
    if site:
        given |= {"faas.name": site, "cloud.provider": "azure", "cloud.region": region}
    said = environ.get("OTEL_RESOURCE_ATTRIBUTES", "")
    return {name: value for name, value in given.items() if value and f"{name}=" not in said}


def _messaging(queue: str) -> dict[str, Value]:
    return {"messaging.system": "servicebus", "messaging.destination.name": queue}


def _links(traceparent: str, run: str) -> tuple[Link, ...]:
    there = read(traceparent)
    return (Link(there),) if there and there.trace_id != trace_of(run) else ()


def _said(attributes: Mapping[str, Value]) -> dict[str, str | int | float | bool]:
    return {
        name: str(value) if isinstance(value, str) else value
        for name, value in attributes.items()
        if value is not None and value != ""
    }


def _ns(at: datetime) -> int:
    return int(at.timestamp() * 1_000_000_000)
