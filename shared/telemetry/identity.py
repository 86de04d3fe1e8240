"""Ids of traces and spans that come from a run's name; all others are drawn."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from opentelemetry.sdk.trace.id_generator import RandomIdGenerator
from opentelemetry.trace import SpanContext, TraceFlags, get_current_span
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from shared.domain.keys import digest

_WIRE = TraceContextTextMapPropagator()


def trace_of(run: str) -> int:
    """The run's trace, 128 bits."""
    return int(digest("trace", run)[:32], 16)


def span_of(run: str, *part: str) -> int:
    """A span of which there is one in a run's trace, 64 bits; without a part the run's own."""
    return int(digest("span", run, *part)[:16], 16)


class GivenIds(RandomIdGenerator):
    """Draws ids, but for a span whose id is given."""

    def __init__(self) -> None:
        self._given: ContextVar[tuple[int, int] | None] = ContextVar("given", default=None)

    @contextmanager
    def given(self, trace: int, span: int) -> Iterator[None]:
        token = self._given.set((trace, span))
        try:
            yield
        finally:
            self._given.reset(token)

    def generate_trace_id(self) -> int:
        given = self._given.get()
        return given[0] if given else super().generate_trace_id()

    def generate_span_id(self) -> int:
        given = self._given.get()
        return given[1] if given else super().generate_span_id()


def written(context: SpanContext) -> dict[str, str]:
    """As it travels in a message's properties, under the name of W3C and that of Azure's SDKs."""
    sampled = int(context.trace_flags) & int(TraceFlags.SAMPLED)
    parent = f"00-{context.trace_id:032x}-{context.span_id:016x}-{sampled:02x}"
    return {"traceparent": parent, "Diagnostic-Id": parent}


def read(traceparent: str) -> SpanContext | None:
    """None when it is none."""
    found = get_current_span(_WIRE.extract({"traceparent": traceparent})).get_span_context()
    return found if found.is_valid and traceparent else None
