"""What an OpenTelemetry collector is to an exporter: OTLP over http, on loopback."""

import gzip
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceRequest,
)
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest


@dataclass(frozen=True)
class Seen:
    """A span. Ids in hex, times in nanoseconds since 1970; parent "" for none."""

    name: str
    trace: str
    id: str
    parent: str
    start: int
    end: int
    failed: bool
    attributes: dict[str, Any]
    links: tuple[str, ...]


@dataclass
class Receiver:
    endpoint: str = ""
    spans: list[Seen] = field(default_factory=list)
    metrics: dict[str, list[Any]] = field(default_factory=dict)
    services: set[str] = field(default_factory=set)

    def trace(self, run: str) -> list[Seen]:
        """All spans that say they are the run's."""
        return [span for span in [*self.spans] if span.attributes.get("retrain.run") == run]

    def take(self, path: str, body: bytes) -> None:
        if path == "/v1/traces":
            traces = ExportTraceServiceRequest.FromString(body)
            for resource in traces.resource_spans:
                self.services.add(_plain(resource.resource.attributes).get("service.name", ""))
                for scope in resource.scope_spans:
                    self.spans += [_seen(span) for span in scope.spans]
        elif path == "/v1/metrics":
            points = ExportMetricsServiceRequest.FromString(body)
            for metrics in points.resource_metrics:
                for scope_metrics in metrics.scope_metrics:
                    for metric in scope_metrics.metrics:
                        kind = metric.WhichOneof("data")
                        found = getattr(metric, kind).data_points
                        self.metrics[metric.name] = [
                            (_plain(point.attributes), point) for point in found
                        ]


def _seen(span: Any) -> Seen:
    return Seen(
        name=span.name,
        trace=span.trace_id.hex(),
        id=span.span_id.hex(),
        parent=span.parent_span_id.hex(),
        start=span.start_time_unix_nano,
        end=span.end_time_unix_nano,
        failed=span.status.code == 2,
        attributes=_plain(span.attributes),
        links=tuple(link.trace_id.hex() for link in span.links),
    )


def _plain(attributes: Any) -> dict[str, Any]:
    return {one.key: getattr(one.value, one.value.WhichOneof("value")) for one in attributes}


@contextmanager
def otlp_receiver() -> Iterator[Receiver]:
    receiver = Receiver()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            if self.headers.get("Content-Encoding") == "gzip":
                body = gzip.decompress(body)
            receiver.take(self.path, body)
            self.send_response(200)
            self.send_header("Content-Type", "application/x-protobuf")
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            """Says nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    receiver.endpoint = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield receiver
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
