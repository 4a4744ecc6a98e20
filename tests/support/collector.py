"""A collector of traces on loopback: OTLP over HTTP, decoded as the protocol says."""

import contextlib
import gzip
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest


@dataclass
class Span:
    """What was received of a span."""

    name: str
    kind: int
    trace: str
    parent: str
    start: int
    end: int
    attributes: dict[str, Any]
    resource: dict[str, Any]


@dataclass
class Collector:
    """What was received, and where."""

    url: str
    spans: list[Span] = field(default_factory=list)
    raw: bytes = b""
    silent: threading.Event = field(default_factory=threading.Event)
    """While it is set, nobody gets an answer."""


def _values(attributes: Any) -> dict[str, Any]:
    found = {}
    for each in attributes:
        kind = each.value.WhichOneof("value")
        value = getattr(each.value, kind)
        found[each.key] = [item.string_value for item in value.values] if kind == "array_value" else value
    return found


def _spans(content: bytes) -> Iterator[Span]:
    for one in ExportTraceServiceRequest.FromString(content).resource_spans:
        for span in (span for scope in one.scope_spans for span in scope.spans):
            yield Span(
                span.name,
                span.kind,
                span.trace_id.hex(),
                span.parent_span_id.hex(),
                span.start_time_unix_nano,
                span.end_time_unix_nano,
                _values(span.attributes),
                _values(one.resource.attributes),
            )


@contextlib.contextmanager
def collecting() -> Iterator[Collector]:
    """A collector that takes what comes."""
    answering = threading.Event()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            content = self.rfile.read(int(self.headers["content-length"]))
            if it.silent.is_set():
                answering.wait()
                return
            content = gzip.decompress(content) if self.headers["content-encoding"] == "gzip" else content
            assert self.path == "/v1/traces"
            it.raw += content
            it.spans += _spans(content)
            self.send_response(200)
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    it = Collector(f"http://127.0.0.1:{server.server_address[1]}")
    serving = threading.Thread(target=server.serve_forever, daemon=True)
    serving.start()
    try:
        yield it
    finally:
        answering.set()
        server.shutdown()
        server.server_close()
        serving.join()
