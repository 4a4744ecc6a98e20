"""The series of a server, for Prometheus: which there are, and what each counts."""

import datetime
from collections.abc import Callable, Mapping
from functools import partial
from importlib.metadata import version

from app.admission.decision import Verdict
from app.admission.review import Request
from app.domain.kinds import KINDS
from app.inventory.store import KINDS as HELD
from app.rules.registry import RULES, Level
from app.server.observability import labels
from app.server.observability.registry import Registry, Series

_BUCKETS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)


class CallMetrics:
    """What comes of calls."""

    def __init__(self, registry: Registry) -> None:
        decisions = registry.counter(
            "decisions",
            "Decisions.",
            {
                "webhook": labels.WEBHOOKS,
                "kind": (*KINDS, labels.OTHER),
                "operation": labels.OPERATIONS,
                "decision": list(dict.fromkeys(each for outcomes in labels.DECISIONS.values() for each in outcomes)),
            },
            labels.decisions(),
        )
        acts = registry.counter(
            "rule_acts",
            "Reviews in which a rule changed, refused or warned of something.",
            {"rule": list(RULES), "act": labels.ACTS},
            labels.rule_acts(),
        )
        self._bad = registry.counter(
            "bad_calls", "Calls that are no review that can be answered.", {"reason": labels.BAD}
        )
        seconds = registry.histogram(
            "decision_seconds",
            "Time from the last byte of a review to its answer.",
            {"webhook": labels.WEBHOOKS},
            _BUCKETS,
        )
        self._decisions, self._acts, self._seconds = Series(decisions), Series(acts), Series(seconds)
        self.in_flight = registry.gauge("in_flight", "Calls being answered.")

    def decided(self, webhook: str, request: Request, verdict: Verdict, seconds: float) -> None:
        """Count a decision, and what rules did for it."""
        self._decisions[webhook, labels.kind_label(request.kind), request.operation, verdict.outcome].inc()
        self._seconds[webhook,].observe(seconds)
        for act in verdict.acts:
            self._acts[act].inc()

    def bad_call(self, reason: labels.Bad) -> None:
        """Count a call that could not be answered."""
        self._bad.labels(reason).inc()


class ConnectionMetrics:
    """What comes of connections to the webhooks' port."""

    def __init__(self, registry: Registry) -> None:
        self.open = registry.gauge("connections", "Open connections on the webhooks' port.")
        self.handshakes = registry.counter(
            "handshakes_refused", "TLS handshakes that failed.", {"reason": labels.HANDSHAKES}
        )
        self.ended = registry.counter(
            "connections_ended", "Connections that the server ended.", {"reason": labels.ENDS}
        )


class CertificateMetrics:
    """The certificates in use, and their files."""

    def __init__(self, registry: Registry) -> None:
        self._not_after = registry.gauge(
            "certificate_not_after_seconds",
            "When a certificate in use ends to be valid, in seconds since 1970.",
            {"certificate": labels.CERTIFICATES},
        )
        self.fault = registry.gauge(
            "certificate_fault", "1 if the certificates' files cannot be used, so that what was read before is in use."
        )
        self.reloads = registry.counter(
            "certificate_reloads",
            "Changes of the certificates' files.",
            {"certificate": ("serving", "client-ca"), "result": labels.RELOADS},
        )

    def not_after(self, certificate: labels.Certificate, until: datetime.datetime | None) -> None:
        """Show until when a certificate is valid; nothing, if there is none any more."""
        if until is not None:
            self._not_after.labels(certificate).set(until.timestamp())
        else:
            self._not_after.remove(certificate)


class ClaimMetrics:
    """The claims that are made before a backup is admitted."""

    def __init__(self, registry: Registry) -> None:
        self._claims = registry.counter(
            "claims", "Claims of the place of a backup, by what came of them.", {"result": labels.CLAIMS}
        )
        self.faulty = registry.gauge(
            "claims_fault", "1 if no claims can be made, so that two replicas may admit what clashes."
        )

    def claimed(self, result: labels.Claimed) -> None:
        """Count a claim."""
        self._claims.labels(result).inc()


class ConfigMetrics:
    """The levels of rules, and the file that says them."""

    def __init__(self, registry: Registry) -> None:
        self._levels = registry.gauge(
            "rule_level",
            "1 for the level that a rule has where a namespace has none of its own. What changes objects has none.",
            {"rule": [each.id for each in RULES.values() if each.settable], "level": list(Level)},
        )
        self.reloads = registry.counter(
            "config_reloads", "Changes of the configuration file.", {"result": labels.RELOADS}
        )
        self.is_good = registry.gauge(
            "config_last_reload_successful", "0 if the configuration file cannot be used as it is now."
        )
        self.is_good.set(1)
        self.read = registry.gauge(
            "config_last_reload_success_timestamp_seconds",
            "When the configuration in use was read, in seconds since 1970; 0: there is none.",
        )

    def judges_by(self, levels: Mapping[str, Level]) -> None:
        """Show the levels of the rules, by their ids: those of all namespaces, whose names are no closed set."""
        self._levels.clear()
        for rule, level in levels.items():
            self._levels.labels(rule, level).set(1)


class Metrics:
    """All of them."""

    def __init__(self) -> None:
        self.registry = Registry()
        self.calls = CallMetrics(self.registry)
        self.ready = self.registry.gauge("ready", "1 if the server is ready.")
        self.connections = ConnectionMetrics(self.registry)
        self.certificates = CertificateMetrics(self.registry)
        self.config = ConfigMetrics(self.registry)
        self.claims = ClaimMetrics(self.registry)
        number = version("stash-admission")
        self.registry.gauge("build_info", "Always 1.", {"version": [number]}).labels(number).set(1)

    def knows(self, counts: Callable[[], Mapping[str, int]], age: Callable[[], float]) -> None:
        """Show what the inventory holds, by kind, and how many seconds ago its source was heard of."""
        objects = self.registry.gauge("inventory_objects", "Objects that the inventory holds.", {"kind": list(HELD)})
        for kind in counts():
            objects.labels(kind).set_function(partial(lambda kind: counts()[kind], kind))
        seconds = self.registry.gauge(
            "inventory_age_seconds", "Seconds since that part of the cluster was heard of that was silent for longest."
        )
        seconds.set_function(age)
