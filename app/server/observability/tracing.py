"""One span a review, for who wants traces. Loaded only then: it needs the SDK of OpenTelemetry."""

import os
import threading
import time
from contextvars import ContextVar
from importlib.metadata import version

from opentelemetry.context import Context
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import OTELResourceDetector, Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace import SpanKind, Tracer
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator
from starlette.types import ASGIApp, Receive, Scope, Send

from app.admission.decision import Verdict
from app.admission.review import Request
from app.server.observability.events import MAX_TEXT_CHARS, Events
from app.server.observability.labels import Webhook, kind_label
from app.server.observability.metrics import CallMetrics
from app.server.observability.telemetry import CallTelemetry, Telemetry

_LAST_SPANS = 3.0
"""Seconds at the end of the process for the spans that were not sent yet."""
_PROTOCOLS = ("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "OTEL_EXPORTER_OTLP_PROTOCOL")
_SPOKEN = "http/protobuf"

_parent: ContextVar[Context | None] = ContextVar("parent", default=None)
"""The caller's span, of the call that is being answered."""
_propagator = TraceContextTextMapPropagator()


class TracedCalls(CallTelemetry):
    """Sends a span of each decision too."""

    def __init__(self, metrics: CallMetrics, events: Events, tracer: Tracer) -> None:
        super().__init__(metrics, events)
        self._tracer = tracer

    def decided(self, webhook: Webhook, request: Request, verdict: Verdict, seconds: float) -> None:
        """Count and log a decision, and send a span of it: nothing that the object holds, and no names."""
        super().decided(webhook, request, verdict, seconds)
        until = time.time_ns()
        self._tracer.start_span(
            "admission review",
            _parent.get() or Context(),
            SpanKind.SERVER,
            {
                "admission.webhook": webhook,
                "admission.uid": request.uid[:MAX_TEXT_CHARS],
                "admission.kind": kind_label(request.kind),
                "admission.operation": request.operation,
                "admission.decision": verdict.outcome,
                "admission.rules": verdict.rules,
                "admission.dry_run": request.dry_run,
            },
            start_time=until - int(seconds * 1e9),
        ).end(until)


class TracedTelemetry(Telemetry):
    """Telemetry that sends a span of each decision too.

    Where to, how many and under which name is said by OpenTelemetry's own variables (`OTEL_EXPORTER_OTLP_ENDPOINT`,
    `OTEL_TRACES_SAMPLER`, `OTEL_SERVICE_NAME`). Raises ValueError if these cannot be followed.
    """

    def __init__(self) -> None:
        for name in _PROTOCOLS:
            if os.environ.get(name, _SPOKEN) != _SPOKEN:
                raise ValueError(f"{name} has to be {_SPOKEN}, which collectors take on port 4318, or not set")
        given = OTELResourceDetector().detect().attributes
        ours = {"service.name": "stash-admission", "service.version": version("stash-admission")}
        self._provider = TracerProvider(resource=Resource.create({**ours, **given}), shutdown_on_exit=False)
        self._provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
        tracer = self._provider.get_tracer("stash-admission", version("stash-admission"))
        super().__init__(lambda metrics, events: TracedCalls(metrics, events, tracer))

    def around(self, app: ASGIApp) -> ASGIApp:
        """The application, which now knows of whose trace a call is a part."""

        async def continued(scope: Scope, receive: Receive, send: Send) -> None:
            if scope["type"] == "http":
                traceparent = dict(scope["headers"]).get(b"traceparent", b"").decode("latin-1")
                _parent.set(_propagator.extract({"traceparent": traceparent}, Context()) if traceparent else None)
            await app(scope, receive, send)

        return continued

    def close(self) -> None:
        """Send the last spans. Nobody waits long for a collector that does not answer."""
        sending = threading.Thread(target=self._provider.shutdown, daemon=True)
        sending.start()
        sending.join(_LAST_SPANS)
