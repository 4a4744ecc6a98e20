"""The lines of the log: what is worth one, and what is in it."""

import datetime
import time
from collections.abc import Mapping
from importlib.metadata import version
from typing import Any

import structlog

from app.admission.decision import Verdict
from app.admission.judgement import Failed
from app.admission.review import Request
from app.server.observability.labels import Certificate, Webhook
from app.server.observability.log import Output, line_of

MAX_TEXT_CHARS = 256
"""Of a caller's text in a line: names are shorter, and a hostile one must not fill the disk."""
_SAME_SECONDS = 10.0
"""In which the same is not logged again, where a stranger could fill the disk."""


class Events:
    """Writes the log."""

    def __init__(self) -> None:
        self._log = structlog.get_logger()
        # For the line of each decision: structlog's usual way to its output costs as much as making the line.
        output = structlog.get_config()["logger_factory"]()
        self._write = output.soon if isinstance(output, Output) else output.info
        self._told: dict[str, float] = {}
        self._untold: dict[str, int] = {}

    def decided(self, webhook: Webhook, request: Request, verdict: Verdict, seconds: float) -> None:
        """A decision, and how long it took."""
        line = {
            "webhook": webhook,
            "uid": request.uid[:MAX_TEXT_CHARS],
            "operation": request.operation,
            "kind": request.kind[:MAX_TEXT_CHARS],
            "namespace": request.namespace[:MAX_TEXT_CHARS],
            "name": request.name[:MAX_TEXT_CHARS],
            "user": request.user[:MAX_TEXT_CHARS],
            "dry_run": request.dry_run,
            "decision": verdict.outcome,
            "rules": verdict.rules,
            "milliseconds": round(seconds * 1000, 3),
            "event": "decided",
        }
        self._write(line_of(None, "info", line))

    def failed(self, webhook: Webhook, failed: Failed) -> None:
        """An exception."""
        uid = failed.uid[:MAX_TEXT_CHARS]
        self._log.error("failed", webhook=webhook, uid=uid, exception=failed.exception, where=failed.where)

    def rarely(self, event: str, reason: str, **more: Any) -> None:
        """At most one line a reason in ten seconds: who floods the port must not flood the log.

        The next line says how many there were meanwhile.
        """
        same = f"{event} {reason}"
        now = time.monotonic()
        if now - self._told.get(same, float("-inf")) < _SAME_SECONDS:
            self._untold[same] = self._untold.get(same, 0) + 1
            return
        self._told[same] = now
        untold = self._untold.pop(same, 0)
        self._log.warning(event, reason=reason, **more, **({"not_logged": untold} if untold else {}))

    def serving(self, webhooks: str, management: str) -> None:
        """Where the server listens."""
        self._log.info("serving", webhooks=webhooks, management=management, version=version("stash-admission"))

    def readiness(self, reason: str | None) -> None:
        """A change of whether the server is ready. `reason` says why it is not."""
        if reason is None:
            self._log.info("ready")
        else:
            self._log.warning("not ready", reason=reason)

    def reloaded(self, certificate: Certificate, fault: str | None, until: datetime.datetime) -> None:
        """A change of a certificate's files: what is wrong with them, or until when they are valid."""
        known = {"certificate": certificate, "in_use_until": until.isoformat()}
        if fault:
            self._log.error("certificate not reloaded", fault=fault, **known)
        else:
            self._log.info("certificate reloaded", **known)

    def configured(self, levels: Mapping[str, Any], *, again: bool) -> None:
        """The levels that the configuration file sets. `again`: it was changed while the server runs."""
        self._log.info("configuration reloaded" if again else "configuration read", **levels)

    def not_configured(self, fault: str) -> None:
        """What is wrong with a changed configuration file."""
        self._log.error("configuration not reloaded", fault=fault)

    def inventory_fault(self, kind: str, fault: str) -> None:
        """What is wrong with the inventory of a kind now; nothing, if the text is empty."""
        if fault:
            self._log.warning("inventory not up to date", kind=kind, fault=fault)
        else:
            self._log.info("inventory up to date", kind=kind)

    def claims_fault(self, fault: str | None) -> None:
        """Why no claims can be made now; nothing, if they can."""
        if fault:
            self._log.warning("claims not made", fault=fault)
        else:
            self._log.info("claims made")
