"""What the server says of itself: metrics, and one line of the log for each decision."""

import datetime
import time
import traceback
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from importlib.metadata import version
from itertools import product
from types import MappingProxyType
from typing import Any, Literal, get_args

import structlog
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, disable_created_metrics
from starlette.types import ASGIApp

from app.admission.decision import Decision
from app.admission.review import Request
from app.domain.invoker import KINDS
from app.inventory.store import KINDS as HELD
from app.rules.registry import RULES, Level
from app.server.log import Output, line_of

Webhook = Literal["mutate", "validate"]
Certificate = Literal["serving", "ca", "client-ca"]
Bad = Literal[
    "path", "method", "content type", "headers too large", "body too large", "bad review", "client certificate",
    "too busy", "undecided", "internal error",
]  # fmt: skip
"""Why a call is no review that can be answered. The last three are ours, the others the caller's."""
DECISIONS: Mapping[Webhook, Sequence[str]] = {"mutate": ("allowed", "mutated"), "validate": ("allowed", "refused")}
OPERATIONS = ("CREATE", "UPDATE", "DELETE", "CONNECT")
ACTS = ("edit", "refuse", "warn")
HANDSHAKES = (
    "timeout", "left", "not tls", "version", "cipher", "client certificate", "our certificate not accepted", "other",
)  # fmt: skip
"""Why a handshake fails. "left" is also a load balancer that looks whether the port is open."""
ENDS = (
    "no room", "gave way", "no more files", "never called", "head too slow", "body too slow", "answer not taken",
    "did not leave", "head too large", "not http",
)  # fmt: skip
"""Why the server ends a connection."""
_BUCKETS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)
_LONGEST = 256
"""Longest text of a caller in a log line: names are shorter, and a hostile one must not fill the disk."""

_SAME = 10.0
"""Seconds in which the same is not logged again, where a stranger could fill the disk."""

disable_created_metrics()  # type: ignore[no-untyped-call]


class _Series(dict[tuple[str, ...], Any]):
    """The series of a metric by the values of its labels: to ask the metric for one costs eight times as much."""

    def __init__(self, metric: Counter | Histogram) -> None:
        super().__init__()
        self._metric = metric

    def __missing__(self, labels: tuple[str, ...]) -> Any:
        """A series that is used for the first time."""
        series = self[labels] = self._metric.labels(*labels)
        return series


class Telemetry:
    """Counts and logs what the server does. Every label has a value from a closed set."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self._log = structlog.get_logger()
        # For the line of each decision: structlog's usual way to its output costs as much as making the line.
        output = structlog.get_config()["logger_factory"]()
        self._write = output.soon if isinstance(output, Output) else output.info
        self.labels: dict[str, Mapping[str, Sequence[str]]] = {}
        """All values that the labels of a metric can have, by the metric's name and the label's."""
        webhooks, certificates = get_args(Webhook), get_args(Certificate)
        decisions = self._counter(
            "decisions",
            "Decisions.",
            {
                "webhook": webhooks,
                "kind": (*KINDS, "other"),
                "operation": OPERATIONS,
                "decision": list(dict.fromkeys(each for webhook in DECISIONS.values() for each in webhook)),
            },
            [each for webhook in DECISIONS for each in _decisions_of(webhook)],
        )
        acts = self._counter(
            "rule_acts",
            "Reviews in which a rule changed, refused or warned of something.",
            {"rule": list(RULES), "act": ACTS},
            [(rule, act) for rule in RULES for act in _acts_of(rule)],
        )
        self._bad_calls = self._counter(
            "bad_calls", "Calls that are no review that can be answered.", {"reason": get_args(Bad)}
        )
        seconds = Histogram(
            "stash_admission_decision_seconds",
            "Time from the last byte of a review to its answer.",
            self._closed("decision_seconds", {"webhook": webhooks}),
            buckets=_BUCKETS,
            registry=self.registry,
        )
        for webhook in webhooks:
            seconds.labels(webhook)
        self._decisions, self._acts, self._seconds = _Series(decisions), _Series(acts), _Series(seconds)
        self.in_flight = self._gauge("in_flight", "Calls being answered.")
        self.ready = self._gauge("ready", "1 if the server is ready.")
        self.connections = self._gauge("connections", "Open connections on the webhooks' port.")
        self._levels = self._gauge(
            "rule_level",
            "1 for the level that a rule has where a namespace has none of its own. What changes objects has none.",
            {"rule": [each.id for each in RULES.values() if each.settable], "level": list(Level)},
        )
        self._not_after = self._gauge(
            "certificate_not_after_seconds",
            "When a certificate in use ends to be valid, in seconds since 1970.",
            {"certificate": certificates},
        )
        self.certificate_fault = self._gauge(
            "certificate_fault", "1 if the certificates' files cannot be used, so that what was read before is in use."
        )
        self._reloads = self._counter(
            "certificate_reloads",
            "Changes of the certificates' files.",
            {"certificate": ("serving", "client-ca"), "result": ("done", "failed")},
        )
        self._configured = self._counter(
            "config_reloads", "Changes of the configuration file.", {"result": ("done", "failed")}
        )
        self._config_is_good = self._gauge(
            "config_last_reload_successful", "0 if the configuration file cannot be used as it is now."
        )
        self._config_is_good.set(1)
        self._config_read = self._gauge(
            "config_last_reload_success_timestamp_seconds",
            "When the configuration in use was read, in seconds since 1970; 0: there is none.",
        )
        self._handshakes = self._counter("handshakes_refused", "TLS handshakes that failed.", {"reason": HANDSHAKES})
        self._ended = self._counter("connections_ended", "Connections that the server ended.", {"reason": ENDS})
        self._told: dict[str, float] = {}
        self._untold: dict[str, int] = {}
        build = self._gauge("build_info", "Always 1.", {"version": [version("stash-admission")]})
        build.labels(version("stash-admission")).set(1)

    def _counter(
        self,
        name: str,
        text: str,
        labels: Mapping[str, Sequence[str]],
        series: Iterable[Sequence[str]] | None = None,
    ) -> Counter:
        """A counter whose series are all there from the beginning: rate() does not see one that begins with 1.

        `series` are the values of the labels that can come together; without it, all can.
        """
        counter = Counter(f"stash_admission_{name}", text, self._closed(name, labels), registry=self.registry)
        for values in product(*labels.values()) if series is None else series:
            counter.labels(*values)
        return counter

    def _gauge(self, name: str, text: str, labels: Mapping[str, Sequence[str]] = MappingProxyType({})) -> Gauge:
        return Gauge(f"stash_admission_{name}", text, self._closed(name, labels), registry=self.registry)

    def _closed(self, name: str, labels: Mapping[str, Sequence[str]]) -> list[str]:
        """The names of the labels, whose values are noted."""
        self.labels[f"stash_admission_{name}"] = labels
        return list(labels)

    def serving(self, webhooks: str, management: str) -> None:
        """Log where the server listens."""
        self._log.info("serving", webhooks=webhooks, management=management, version=version("stash-admission"))

    def judges_by(self, levels: Mapping[str, Level]) -> None:
        """Show the levels of the rules, by their ids: those of all namespaces, whose names are no closed set."""
        self._levels.clear()
        for rule, level in levels.items():
            self._levels.labels(rule, level).set(1)

    def around(self, app: ASGIApp) -> ASGIApp:
        """The application of the webhooks, for who has to see each call."""
        return app

    def close(self) -> None:
        """End, when nothing is served any more."""

    def not_after(self, certificate: Certificate, until: datetime.datetime | None) -> None:
        """Show until when a certificate is valid; nothing, if there is none any more."""
        if until is not None:
            self._not_after.labels(certificate).set(until.timestamp())
        else:
            self._not_after.remove(certificate)

    def reloaded(self, certificate: Certificate, fault: str | None, until: datetime.datetime) -> None:
        """Count and log a change of a certificate's files: what is wrong with them, or until when they are valid."""
        self._reloads.labels(certificate, "failed" if fault else "done").inc()
        known = {"certificate": certificate, "in_use_until": until.isoformat()}
        if fault:
            self._log.error("certificate not reloaded", fault=fault, **known)
        else:
            self._log.info("certificate reloaded", **known)

    def configured(self, *, again: bool, **levels: Any) -> None:
        """Log the levels that the configuration file sets. `again`: it was changed while the server runs."""
        if again:
            self._configured.labels("done").inc()
        self._config_is_good.set(1)
        self._config_read.set_to_current_time()
        self._log.info("configuration reloaded" if again else "configuration read", **levels)

    def not_configured(self, fault: str) -> None:
        """Count and log what is wrong with a changed configuration file."""
        self._configured.labels("failed").inc()
        self._config_is_good.set(0)
        self._log.error("configuration not reloaded", fault=fault)

    def readiness(self, reason: str | None) -> None:
        """Log a change of whether the server is ready. `reason` says why it is not."""
        if reason is None:
            self._log.info("ready")
        else:
            self._log.warning("not ready", reason=reason)

    def knows(self, counts: Callable[[], Mapping[str, int]], age: Callable[[], float]) -> None:
        """Show what the inventory holds, by kind, and how many seconds ago its source was heard of."""
        objects = self._gauge("inventory_objects", "Objects that the inventory holds.", {"kind": list(HELD)})
        for kind in counts():
            objects.labels(kind).set_function(partial(lambda kind: counts()[kind], kind))
        seconds = self._gauge(
            "inventory_age_seconds", "Seconds since that part of the cluster was heard of that was silent for longest."
        )
        seconds.set_function(age)

    def inventory_fault(self, kind: str, fault: str) -> None:
        """Log what is wrong with the inventory of a kind now; nothing, if the text is empty."""
        if fault:
            self._log.warning("inventory not up to date", kind=kind, fault=fault)
        else:
            self._log.info("inventory up to date", kind=kind)

    def handshake_refused(self, reason: str, peer: str, detail: str | None = None) -> None:
        """Count a TLS handshake that failed, and log it, unless one of the kind was logged a moment ago.

        That somebody left is not worth a line: load balancers do so every few seconds.
        """
        self._handshakes.labels(reason).inc()
        if reason == "left":
            return
        self._tell("handshake refused", reason, {"peer": peer, **({"detail": detail} if detail else {})})

    def connection_ended(self, reason: str) -> None:
        """Count a connection that the server ended, and log it, unless one of the kind was logged a moment ago."""
        self._ended.labels(reason).inc()
        self._tell("connection ended", reason, {})

    def _tell(self, event: str, reason: str, more: Mapping[str, Any]) -> None:
        """Log at most one line a reason in ten seconds: who floods the port must not flood the log.

        The next line says how many there were meanwhile.
        """
        same = f"{event} {reason}"
        now = time.monotonic()
        if now - self._told.get(same, float("-inf")) < _SAME:
            self._untold[same] = self._untold.get(same, 0) + 1
            return
        self._told[same] = now
        untold = self._untold.pop(same, 0)
        self._log.warning(event, reason=reason, **more, **({"not_logged": untold} if untold else {}))

    def decided(self, webhook: Webhook, request: Request, decision: Decision, seconds: float) -> None:
        """Count and log a decision. `seconds`: from the last byte of the review to its answer."""
        outcome = decision.outcome
        kind = request.kind if request.kind in KINDS else "other"
        self._decisions[webhook, kind, request.operation, outcome].inc()
        self._seconds[webhook,].observe(seconds)
        rules: list[str] = []
        if not decision.plain:
            rules = decision.rules
            acts = {(rule, "edit") for rule, _ in decision.edits}
            acts.update((each.rule, "refuse" if each.refuses else "warn") for each in decision.findings)
            for act in acts:
                self._acts[act].inc()
        line = {
            "webhook": webhook,
            "uid": request.uid[:_LONGEST],
            "operation": request.operation,
            "kind": request.kind[:_LONGEST],
            "namespace": request.namespace[:_LONGEST],
            "name": request.name[:_LONGEST],
            "user": request.user[:_LONGEST],
            "dry_run": request.dry_run,
            "decision": outcome,
            "rules": rules,
            "milliseconds": round(seconds * 1000, 3),
            "event": "decided",
        }
        self._write(line_of(None, "info", line))

    def bad_call(self, reason: Bad, status: int) -> None:
        """Count a call that could not be answered, and log it, unless one of the kind was logged a moment ago."""
        self._bad_calls.labels(reason).inc()
        self._tell("bad call", reason, {"status": status})

    def failed(self, webhook: Webhook, uid: str, error: Exception) -> None:
        """Log an exception: its type and where it came from, not its message, which may hold contents."""
        frames = traceback.extract_tb(error.__traceback__)
        where = [f"{frame.filename}:{frame.lineno} in {frame.name}" for frame in frames]
        self._log.error("failed", webhook=webhook, uid=uid[:_LONGEST], exception=type(error).__name__, where=where)


def _decisions_of(webhook: Webhook) -> Iterable[tuple[str, ...]]:
    return product([webhook], (*KINDS, "other"), OPERATIONS, DECISIONS[webhook])


def _acts_of(rule: str) -> Sequence[str]:
    """What a rule can do; which of it, its level decides."""
    settable = RULES[rule].settable
    return ("edit",) if not settable else ("refuse", "warn") if Level.ENFORCE in settable else ("warn",)
