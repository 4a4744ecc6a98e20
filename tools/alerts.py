"""The alert rules, as a rule file of Prometheus, as an object of its operator, and as a part of the documentation."""

import textwrap
from dataclasses import dataclass
from io import StringIO
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.scalarstring import LiteralScalarString

from app.inventory.store import STALE_AFTER

PAGE = "docs/operate/monitoring.md"
NAME = "stash-admission"
_OURS = "internal error|too busy|undecided"
"""Reasons of bad calls that are the server's, not the caller's."""
_FAILED = f'stash_admission_bad_calls_total{{reason=~"{_OURS}"}}'


@dataclass(frozen=True)
class Alert:
    """One alert. The texts may hold Go templates of Prometheus, `action` is for the documentation."""

    name: str
    severity: str
    expression: str
    lasting: str
    """How long the expression has to hold."""
    summary: str
    description: str
    action: str

    @property
    def runbook(self) -> str:
        """Where to read what to do."""
        return f"{PAGE}#{self.name.lower()}"


ALERTS = (
    Alert(
        "StashAdmissionDown",
        "critical",
        "absent(stash_admission_ready == 1)",
        "2m",
        "No replica of stash-admission is ready",
        "No Stash object can be created and no spec changed while no replica answers. Or Prometheus reaches none.",
        """\
`stash-admission doctor` looks at the whole installation and says what to do: [doctor.md](../cli/doctor.md). If the
replicas are ready (`kubectl -n stash-admission get pods`), it is Prometheus that does not reach them: [who may read the
metrics](#who-may-read-the-metrics). [operations.md](operations.md#open-the-gate-in-an-emergency) has the
command that lets everything through in an emergency.""",
    ),
    Alert(
        "StashAdmissionReplicaNotReady",
        "warning",
        'stash_admission_ready == 0 or up{job="stash-admission"} == 0',
        "10m",
        "A replica of stash-admission is not ready",
        "{{ $labels.instance }} has not been ready, or not been reached, for ten minutes. The others answer its calls.",
        """\
`/readyz` of the replica says why in one line: `kubectl -n stash-admission port-forward pod/NAME 8080`, then `curl
http://127.0.0.1:8080/readyz`. What it can say is in [certificates.md](../install/certificates.md#in-every-mode) and
[cluster-rules.md](../reference/cluster-rules.md).""",
    ),
    Alert(
        "StashAdmissionCertificateExpiresSoon",
        "warning",
        "stash_admission_certificate_not_after_seconds - time() < 14 * 24 * 3600",
        "15m",
        "A certificate of stash-admission ends in less than two weeks",
        "The certificate {{ $labels.certificate }} that {{ $labels.instance }} uses ends in "
        "{{ $value | humanizeDuration }}. It should have been renewed weeks ago.",
        """\
Every mode renews with at least a month to spare, so what renews does not run. `stash-certs show` says what is in the
Secret and what the API server believes; the page of the mode says who renews:
[certificates.md](../install/certificates.md). If `stash-certs show` has a later end, the replica did not take it over:
see [StashAdmissionCertificateUnusable](#stashadmissioncertificateunusable). `client-ca` is the file of `--client-ca`,
which you renew: [client-certificates.md](../install/client-certificates.md).""",
    ),
    Alert(
        "StashAdmissionCertificateExpires",
        "critical",
        "stash_admission_certificate_not_after_seconds - time() < 2 * 24 * 3600",
        "15m",
        "A certificate of stash-admission ends within two days",
        "The certificate {{ $labels.certificate }} that {{ $labels.instance }} uses ends in "
        "{{ $value | humanizeDuration }}. From then on no Stash object can be created and no spec changed.",
        """\
As [above](#stashadmissioncertificateexpiressoon), today. In the mode self-managed one command renews at once:
`kubectl -n stash-admission create job certs-$(date +%s) --from=cronjob/stash-admission-certs`.""",
    ),
    Alert(
        "StashAdmissionCertificateUnusable",
        "warning",
        "stash_admission_certificate_fault == 1",
        "10m",
        "The certificates' files cannot be used by stash-admission",
        "{{ $labels.instance }} goes on with what it read before, until that expires.",
        """\
The second line of `/readyz` says what is wrong with which file, and so does the log (`certificate not reloaded`,
`fault`). Write the files again: they are used within seconds
([certificates.md](../install/certificates.md#in-every-mode)).""",
    ),
    Alert(
        "StashAdmissionCertificateNotAccepted",
        "critical",
        'sum(increase(stash_admission_handshakes_refused_total{reason="our certificate not accepted"}[5m])) > 0',
        "5m",
        "Callers do not accept the certificate of stash-admission",
        "Handshakes end because the other side does not accept it. If that is the API server, every call fails.",
        """\
`stash-certs show` says whether `caBundle` of both registrations covers the certificate, and `stash-admission doctor`
what to do if not. The log has the address of who did not accept it (`handshake refused`, `peer`): it may also be a
program that is not the API server and does not know the CA.""",
    ),
    Alert(
        "StashAdmissionInternalErrors",
        "warning",
        'sum(increase(stash_admission_bad_calls_total{reason="internal error"}[15m])) > 0',
        "0m",
        "stash-admission could not decide, because of a fault of its own",
        "About {{ $value | humanize }} reviews of the last 15 minutes got 500. Their objects were not stored.",
        """\
A mistake in the program. The log has each with the `uid` of the review, the type of the exception and where it
happened (`failed`, `where`). Report these. `failurePolicy: Fail` keeps the object out; where `where` names the file of
a rule, setting that rule to `off` lets such objects through until it is mended.""",
    ),
    Alert(
        "StashAdmissionFailing",
        "critical",
        f"sum(rate({_FAILED}[5m])) / (sum(rate({_FAILED}[5m]))"
        " + sum(rate(stash_admission_decision_seconds_count[5m]))) > 0.05",
        "5m",
        "stash-admission fails to answer many reviews",
        "{{ $value | humanizePercentage }} of the reviews of the last five minutes got 500 or 503, and no decision.",
        """\
Which of them, the dashboard shows under *Calls that fail*: then as
[StashAdmissionInternalErrors](#stashadmissioninternalerrors) or [StashAdmissionTooBusy](#stashadmissiontoobusy).
With `undecided`, an enforced rule was not reached in time, which is mostly load; or with `--inventory-missing fail`
the inventory lacks something, which `/readyz` names.""",
    ),
    Alert(
        "StashAdmissionTooBusy",
        "warning",
        'sum by (instance) (increase(stash_admission_bad_calls_total{reason="too busy"}[10m])) > 10',
        "5m",
        "stash-admission has more calls than it takes",
        "{{ $labels.instance }} answered about {{ $value | humanize }} calls of the last ten minutes with 503. "
        "The API server tries them again.",
        """\
Many clients write at once, or a few send bodies that do not end (*Connections ended* on the dashboard). For the
first: more replicas (`kubectl -n stash-admission scale deployment/stash-admission --replicas=4`), or more CPU where
they use all of theirs. For the second, the log has no address, since who does it has got past TLS: [client
certificates](../install/client-certificates.md) keep strangers away.""",
    ),
    Alert(
        "StashAdmissionSlow",
        "warning",
        "histogram_quantile(0.99, sum by (le, webhook) (rate(stash_admission_decision_seconds_bucket[10m]))) > 1",
        "10m",
        "stash-admission takes long to decide",
        "One of a hundred reviews by {{ $labels.webhook }} takes longer than {{ $value | humanizeDuration }}. "
        "The API server waits for five seconds.",
        """\
An object of usual size is decided in about a millisecond: [benchmarks.md](../benchmarks.md). Either the replicas lack
CPU (a limit that throttles, a full node), or somebody writes very large objects: `milliseconds` in the log has who
and which.""",
    ),
    Alert(
        "StashAdmissionInventoryStale",
        "warning",
        f"stash_admission_inventory_age_seconds > {STALE_AFTER:.0f}",
        "5m",
        "stash-admission does not hear of the cluster any more",
        "{{ $labels.instance }} has heard nothing of a part of the cluster for {{ $value | humanizeDuration }}. "
        "The rules that ask about the cluster only warn meanwhile.",
        """\
The second line of `/readyz` and the log (`inventory not up to date`, `fault`) say of which kind, and why: mostly a
missing right, or an API server that does not answer. [cluster-rules.md](../reference/cluster-rules.md) has what the
rules do meanwhile.""",
    ),
    Alert(
        "StashAdmissionConfigUnusable",
        "warning",
        "stash_admission_config_last_reload_successful == 0",
        "10m",
        "The configuration file of stash-admission cannot be used",
        "{{ $labels.instance }} goes on with the levels that it read before. It would not start with this file.",
        """\
The second line of `/readyz` and the log (`configuration not reloaded`, `fault`) say which line is wrong and what to
write. Do not restart the replicas before: [configuration.md](configuration.md).""",
    ),
    Alert(
        "StashAdmissionNoClaims",
        "warning",
        "stash_admission_claims_fault == 1",
        "10m",
        "A replica of stash-admission can make no claims",
        "{{ $labels.instance }} admits backups without claims, so another replica may admit what clashes with them.",
        """\
The second line of `/readyz` and the log (`claims not made`, `fault`) say why: mostly the ServiceAccount may not write
Leases in its namespace, which the Role `stash-admission` of `install.yaml` allows. Until then two backups that are
created in the same moment may both be stored although they clash; `stash-admission audit` finds such.""",
    ),
    Alert(
        "StashAdmissionRefusalsSurge",
        "warning",
        'sum(increase(stash_admission_decisions_total{decision="refused"}[15m])) > 20'
        ' and sum(rate(stash_admission_decisions_total{decision="refused"}[15m]))'
        ' > 5 * sum(rate(stash_admission_decisions_total{decision="refused"}[1d] offset 15m))'
        ' and sum(stash_admission_decisions_total{decision="refused"} offset 1d)',
        "0m",
        "stash-admission refuses much more than usual",
        "{{ $value | humanize }} objects were refused in the last 15 minutes, more than five times as many as usual.",
        """\
*Refusals by rule* on the dashboard says which rule, the log who (`"decision":"refused"`: `user`, `namespace`,
`rules`). After an update of the server, or of a rule's level, objects that somebody applies all the time may be
refused that were not before: set the rule to `warn` until their authors have changed them. Else it is a pipeline that
tries the same again and again. On the
first day nothing is usual yet, so this alert is silent until an installation is a day old.""",
    ),
    Alert(
        "StashAdmissionBadCalls",
        "warning",
        f'sum by (reason) (rate(stash_admission_bad_calls_total{{reason!~"{_OURS}"}}[10m])) > 0.2',
        "10m",
        "Somebody calls stash-admission with what is no review",
        "{{ $value | humanize }} calls a second are answered with an error: {{ $labels.reason }}.",
        """\
The API server makes none of these, except for `client certificate`, where `--client-ca` or `--client-name` does not
fit what it shows: then every call fails, see [client-certificates.md](../install/client-certificates.md). All others
are made by something else that reaches the port: a scanner, a probe with a wrong path. A NetworkPolicy or client
certificates keep it away.""",
    ),
)


def groups() -> dict[str, Any]:
    """The rules as Prometheus reads them."""
    rules = [
        {
            "alert": each.name,
            "expr": LiteralScalarString(f"{each.expression}\n"),
            "for": each.lasting,
            "labels": {"severity": each.severity},
            "annotations": {
                "summary": each.summary,
                "description": each.description,
                "runbook_url": each.runbook,
            },
        }
        for each in ALERTS
    ]
    return {"groups": [{"name": NAME, "rules": rules}]}


def rule_file() -> str:
    """A rule file of Prometheus."""
    return _written(groups())


def prometheus_rule() -> str:
    """The same for the Prometheus Operator."""
    return _written(
        {
            "apiVersion": "monitoring.coreos.com/v1",
            "kind": "PrometheusRule",
            "metadata": {"name": NAME, "namespace": NAME},
            "spec": groups(),
        }
    )


def section() -> str:
    """The alerts for people."""
    parts = [
        f"### {each.name}\n\n{each.summary}. Severity {each.severity}"
        f"{f', after {each.lasting}' if each.lasting != '0m' else ''}.\n\n"
        f"```promql\n{each.expression}\n```\n\n{_filled(each.action)}\n"
        for each in ALERTS
    ]
    return "\n" + "\n".join(parts) + "\n"


def _filled(text: str) -> str:
    return textwrap.fill(" ".join(text.split()), 130, break_long_words=False, break_on_hyphens=False)


def _written(document: Any) -> str:
    yaml = YAML()
    yaml.width = 10_000
    yaml.default_flow_style = False
    out = StringIO()
    yaml.dump(document, out)
    return f"# Generated by `make generate` from tools/alerts.py.\n{out.getvalue()}"
