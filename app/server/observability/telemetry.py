"""What happens in the server, by who sees it happen: each is counted, and logged where it is worth a line."""

import datetime
from collections.abc import Callable
from typing import Any

from starlette.types import ASGIApp

from app.admission.decision import Verdict
from app.admission.judgement import Failed
from app.admission.review import Request
from app.server.observability.events import Events
from app.server.observability.labels import Bad, Certificate, Webhook
from app.server.observability.metrics import (
    CallMetrics,
    CertificateMetrics,
    ClaimMetrics,
    ConfigMetrics,
    ConnectionMetrics,
    Metrics,
)


class CallTelemetry:
    """Of calls of the webhooks."""

    def __init__(self, metrics: CallMetrics, events: Events) -> None:
        self.metrics = metrics
        self._events = events

    def decided(self, webhook: Webhook, request: Request, verdict: Verdict, seconds: float) -> None:
        """Note a decision. `seconds`: from the last byte of the review to its answer."""
        self.metrics.decided(webhook, request, verdict, seconds)
        self._events.decided(webhook, request, verdict, seconds)

    def bad_call(self, reason: Bad, status: int) -> None:
        """Note a call that could not be answered."""
        self.metrics.bad_call(reason)
        self._events.rarely("bad call", reason, status=status)

    def failed(self, webhook: Webhook, failed: Failed) -> None:
        """Note an exception. That there was one is counted as a bad call."""
        self._events.failed(webhook, failed)


class ConnectionTelemetry:
    """Of connections."""

    def __init__(self, metrics: ConnectionMetrics, events: Events) -> None:
        self._metrics, self._events = metrics, events

    def handshake_refused(self, reason: str, peer: str, detail: str | None = None) -> None:
        """Note a TLS handshake that failed. `reason` is one of labels.HANDSHAKES.

        That somebody left is not worth a line: load balancers do so every few seconds.
        """
        self._metrics.handshakes.labels(reason).inc()
        if reason != "left":
            self._events.rarely("handshake refused", reason, peer=peer, **({"detail": detail} if detail else {}))

    def ended(self, reason: str) -> None:
        """Note a connection that the server ended. `reason` is one of labels.ENDS."""
        self._metrics.ended.labels(reason).inc()
        self._events.rarely("connection ended", reason)


class CertificateTelemetry:
    """Of the certificates' files."""

    def __init__(self, metrics: CertificateMetrics, events: Events) -> None:
        self._metrics, self._events = metrics, events
        self.not_after = metrics.not_after

    def reloaded(self, certificate: Certificate, fault: str | None, until: datetime.datetime) -> None:
        """Note a change of a certificate's files: what is wrong with them, or until when they are valid."""
        self._metrics.reloads.labels(certificate, "failed" if fault else "done").inc()
        self._events.reloaded(certificate, fault, until)


class ConfigTelemetry:
    """Of the configuration file."""

    def __init__(self, metrics: ConfigMetrics, events: Events) -> None:
        self._metrics, self._events = metrics, events

    def configured(self, *, again: bool, **levels: Any) -> None:
        """Note the levels that the file sets. `again`: it was changed while the server runs."""
        if again:
            self._metrics.reloads.labels("done").inc()
        self._metrics.is_good.set(1)
        self._metrics.read.set_to_current_time()
        self._events.configured(levels, again=again)

    def not_configured(self, fault: str) -> None:
        """Note what is wrong with a changed file."""
        self._metrics.reloads.labels("failed").inc()
        self._metrics.is_good.set(0)
        self._events.not_configured(fault)


class ClaimTelemetry:
    """Of the claims that are made before a backup is admitted."""

    def __init__(self, metrics: ClaimMetrics, events: Events) -> None:
        self.claimed = metrics.claimed
        self.fault = events.claims_fault


class Telemetry:
    """All of it, made once for a server; who sees only a part gets that part."""

    def __init__(self, calls: Callable[[CallMetrics, Events], CallTelemetry] = CallTelemetry) -> None:
        """`calls` is what calls are noted with."""
        self.metrics, self.events = Metrics(), Events()
        self.calls = calls(self.metrics.calls, self.events)
        self.connections = ConnectionTelemetry(self.metrics.connections, self.events)
        self.certificates = CertificateTelemetry(self.metrics.certificates, self.events)
        self.config = ConfigTelemetry(self.metrics.config, self.events)
        self.claims = ClaimTelemetry(self.metrics.claims, self.events)

    def around(self, app: ASGIApp) -> ASGIApp:
        """The application of the webhooks, for who has to see each call."""
        return app

    def close(self) -> None:
        """End, when nothing is served any more."""
