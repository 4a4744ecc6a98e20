"""The dashboard, as Grafana imports it: rows of panels, each with its queries."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count
from typing import Any

from app.inventory.store import STALE_AFTER

TITLE = "stash-admission"
INTERVAL = "$__rate_interval"
"""What Grafana replaces by a span that holds at least four scrapes."""
_SOURCE = {"type": "prometheus", "uid": "${datasource}"}
_WIDTH = 24
_HEIGHTS = {"stat": 4, "row": 1}
_DAY = 24 * 3600


@dataclass(frozen=True)
class Panel:
    """One panel."""

    title: str
    says: str
    """What it shows, for who reads it for the first time."""
    queries: tuple[tuple[str, str], ...]
    """Each in PromQL, with the legend of its series."""
    unit: str = "reqps"
    """As Grafana calls it."""
    kind: str = "timeseries"
    width: int = 8
    below: tuple[float, ...] = ()
    """Values below which it turns red, then orange."""
    above: tuple[float, ...] = ()
    """Values from which on it turns orange, then red."""
    quiet: bool = False
    """Whether it is empty as long as nothing of the kind happens."""


def _rate(metric: str, by: str, matching: str = "", *, over: str = INTERVAL) -> str:
    return f"sum by ({by}) (rate(stash_admission_{metric}{matching and f'{{{matching}}}'}[{over}]))"


def _quantile(part: float) -> str:
    return f"histogram_quantile({part}, {_rate('decision_seconds_bucket', 'le, webhook')})"


_FAILED = 'reason=~"internal error|too busy|undecided"'

ROWS: dict[str, tuple[Panel, ...]] = {
    "Now": (
        Panel(
            "Ready replicas",
            "Replicas that say they are ready.",
            (("sum(stash_admission_ready)", ""),),
            "none", "stat", 4, below=(1, 2),
        ),
        Panel(
            "Alerts",
            "Alerts of stash-admission that fire.",
            (('count(ALERTS{alertname=~"StashAdmission.*",alertstate="firing"}) or vector(0)', ""),),
            "none", "stat", 4, above=(1, 2),
        ),
        Panel(
            "Decisions",
            "Decisions a second. An object that is created takes two, one by each webhook.",
            ((f"sum(rate(stash_admission_decisions_total[{INTERVAL}]))", ""),),
            "reqps", "stat", 4,
        ),
        Panel(
            "Refused in an hour",
            "Objects that were refused in the last hour.",
            (('sum(increase(stash_admission_decisions_total{decision="refused"}[1h]))', ""),),
            "none", "stat", 4,
        ),
        Panel(
            "Failed in an hour",
            "Calls of the last hour that were answered with 500 or 503 in place of a decision.",
            ((f"sum(increase(stash_admission_bad_calls_total{{{_FAILED}}}[1h]))", ""),),
            "none", "stat", 4, above=(1, 10),
        ),
        Panel(
            "First certificate ends in",
            "Time until the first of the certificates in use ends to be valid.",
            (("min(stash_admission_certificate_not_after_seconds) - time()", ""),),
            "s", "stat", 4, below=(2 * _DAY, 14 * _DAY),
        ),
    ),
    "Decisions": (
        Panel(
            "Decisions",
            "Decisions a second, by webhook. Who is allowed by mutate was not changed.",
            ((_rate("decisions_total", "webhook, decision"), "{{webhook}}: {{decision}}"),),
            width=12,
        ),
        Panel(
            "Kinds and operations",
            "What is asked about. `other` is a kind that stash-admission has no rules for.",
            ((f"{_rate('decisions_total', 'kind, operation')} > 0", "{{operation}} {{kind}}"),),
            width=12,
        ),
    ),
    "Rules": (
        Panel(
            "Refusals by rule",
            "Reviews in which a rule refused the object.",
            ((f"""{_rate("rule_acts_total", "rule", 'act="refuse"')} > 0""", "{{rule}}"),),
            quiet=True,
        ),
        Panel(
            "Warnings by rule",
            "Reviews in which a rule warned, because of its level, or of a fault that is stored already.",
            ((f"""{_rate("rule_acts_total", "rule", 'act="warn"')} > 0""", "{{rule}}"),),
            quiet=True,
        ),
        Panel(
            "Changes by rule",
            "Reviews in which a rule changed the object.",
            ((f"""{_rate("rule_acts_total", "rule", 'act="edit"')} > 0""", "{{rule}}"),),
            quiet=True,
        ),
        Panel(
            "Levels of the rules",
            "What each rule may do where a namespace has no level of its own, and on how many replicas. "
            "Two lines of a rule: the replicas differ.",
            (("count by (rule, level) (stash_admission_rule_level == 1)", ""),),
            "none", "table", _WIDTH,
        ),
    ),
    "Configuration": (
        Panel(
            "Changes of the configuration",
            "Changes of the configuration file in an hour: `done`, or `failed` where it could not be used. "
            "`unusable now` is the number of replicas that would use another one, if they could.",
            (
                ("sum by (result) (increase(stash_admission_config_reloads_total[1h]))", "{{result}}"),
                ("count(stash_admission_config_last_reload_successful == 0) or vector(0)", "unusable now"),
            ),
            "none", width=12,
        ),
        Panel(
            "Age of the configuration",
            "Time since each replica read the file that it uses. Empty without --config.",
            (("time() - (stash_admission_config_last_reload_success_timestamp_seconds > 0)", "{{instance}}"),),
            "s", width=12,
        ),
    ),
    "Latency": (
        Panel(
            "Time to decide",
            "From the last byte of a review to its answer. The API server waits for five seconds.",
            tuple((_quantile(part), f"{{{{webhook}}}}: {part:.0%}") for part in (0.5, 0.9, 0.99)),
            "s", width=12,
        ),
        Panel(
            "Time to decide, all reviews",
            "How many reviews took how long.",
            ((_rate("decision_seconds_bucket", "le"), "{{le}}"),),
            "s", "heatmap", 12,
        ),
    ),
    "Load": (
        Panel(
            "Calls in flight",
            "Calls whose body arrives, or which are being answered, by replica. --max-in-flight bounds them.",
            (("stash_admission_in_flight", "{{instance}}"),),
            "none",
        ),
        Panel(
            "Connections",
            "Open connections on the webhooks' port, by replica. --max-connections bounds them.",
            (("stash_admission_connections", "{{instance}}"),),
            "none",
        ),
        Panel(
            "Connections ended",
            "Connections that the server ended, by reason.",
            ((f"{_rate('connections_ended_total', 'reason')} > 0", "{{reason}}"),),
            quiet=True,
        ),
    ),
    "Calls that fail": (
        Panel(
            "Bad calls",
            "Calls without a decision, by reason. `internal error`, `too busy` and `undecided` are ours, "
            "the others the caller's.",
            ((f"{_rate('bad_calls_total', 'reason')} > 0", "{{reason}}"),),
            width=12, quiet=True,
        ),
        Panel(
            "Handshakes refused",
            "TLS handshakes that failed, by reason. `left` is mostly a load balancer's look at the port.",
            ((f"{_rate('handshakes_refused_total', 'reason')} > 0", "{{reason}}"),),
            width=12, quiet=True,
        ),
    ),
    "Inventory": (
        Panel(
            "Objects",
            "What is known of the cluster, by kind. Empty with --inventory none.",
            (("max by (kind) (stash_admission_inventory_objects)", "{{kind}}"),),
            "none", width=12,
        ),
        Panel(
            "Age",
            "Time since that part of the cluster was heard of that was silent for longest, by replica.",
            (("stash_admission_inventory_age_seconds", "{{instance}}"),),
            "s", width=12, above=(STALE_AFTER / 2, STALE_AFTER),
        ),
        Panel(
            "Claims",
            "Claims a second of what is about to be admitted, by result. `lost`: another replica was faster, and the "
            "backup was refused. `undecided`: the API server did not answer in time.",
            ((_rate("claims_total", "result"), "{{result}}"),),
            width=12,
        ),
        Panel(
            "Replicas without claims",
            "Replicas that can make no claims, so that two of them may admit what clashes at the same moment.",
            (("sum(stash_admission_claims_fault) or vector(0)", ""),),
            "none", width=12, above=(1, 1),
        ),
    ),
    "Certificates and build": (
        Panel(
            "Certificates end in",
            "Time until the certificates in use end to be valid.",
            (("min by (certificate) (stash_admission_certificate_not_after_seconds) - time()", "{{certificate}}"),),
            "s",
        ),
        Panel(
            "Changes of certificates",
            "Changes of the certificates' files in an hour: `done`, or `failed` where they could not be used. "
            "`unusable now` is the number of replicas that would use others, if they could.",
            (
                ("sum by (result) (increase(stash_admission_certificate_reloads_total[1h]))", "{{result}}"),
                ("sum(stash_admission_certificate_fault)", "unusable now"),
            ),
            "none",
        ),
        Panel(
            "Replicas by version",
            "Which versions run.",
            (("count by (version) (stash_admission_build_info)", "{{version}}"),),
            "none",
        ),
    ),
}  # fmt: skip


def dashboard() -> str:
    """The JSON that Grafana imports."""
    document = {
        "title": TITLE,
        "uid": TITLE,
        "description": "Decisions, rules, latency, failures, inventory and certificates of stash-admission.",
        "tags": ["kubernetes", "admission", "stash"],
        "schemaVersion": 39,
        "version": 1,
        "editable": True,
        "graphTooltip": 1,
        "refresh": "30s",
        "time": {"from": "now-6h", "to": "now"},
        "timezone": "browser",
        "templating": {
            "list": [{"name": "datasource", "label": "Data source", "type": "datasource", "query": "prometheus"}]
        },
        "annotations": {"list": []},
        "links": [],
        "panels": list(_panels()),
    }
    return json.dumps(document, indent=2) + "\n"


def _panels() -> Iterator[dict[str, Any]]:
    numbers, top = count(1), 0
    for title, panels in ROWS.items():
        place = {"x": 0, "y": top, "w": _WIDTH, "h": 1}
        yield {"id": next(numbers), "type": "row", "title": title, "collapsed": False, "panels": [], "gridPos": place}
        top, left, tallest = top + 1, 0, 0
        for panel in panels:
            if left + panel.width > _WIDTH:
                top, left, tallest = top + tallest, 0, 0
            height = _HEIGHTS.get(panel.kind, 8)
            place = {"x": left, "y": top, "w": panel.width, "h": height}
            yield {"id": next(numbers), "gridPos": place, **_panel(panel)}
            left, tallest = left + panel.width, max(tallest, height)
        top += tallest


def _panel(panel: Panel) -> dict[str, Any]:
    at_once = panel.kind in ("stat", "table")
    targets = [
        {
            "refId": chr(ord("A") + number),
            "datasource": _SOURCE,
            "expr": expression,
            "legendFormat": legend or "__auto",
            "instant": at_once,
            "range": not at_once,
            "format": panel.kind if panel.kind in ("table", "heatmap") else "time_series",
        }
        for number, (expression, legend) in enumerate(panel.queries)
    ]
    return {
        "type": panel.kind,
        "title": panel.title,
        "description": panel.says,
        "datasource": _SOURCE,
        "targets": targets,
        "fieldConfig": {"defaults": _defaults(panel), "overrides": []},
        "options": _OPTIONS[panel.kind],
        **({"transformations": _TABLE} if panel.kind == "table" else {}),
    }


def _defaults(panel: Panel) -> dict[str, Any]:
    defaults: dict[str, Any] = {"unit": panel.unit, "noValue": "none" if panel.quiet else "no data"}
    colours = ["green", *(["orange", "red"][: len(panel.above)])] if panel.above else ["red", "orange", "green"]
    steps = [None, *(panel.above or panel.below)]
    if panel.above or panel.below:
        shown = zip(colours, steps, strict=True)
        defaults["thresholds"] = {"mode": "absolute", "steps": [{"color": each, "value": at} for each, at in shown]}
    if panel.kind == "timeseries":
        defaults["min"] = 0
        defaults["custom"] = {"fillOpacity": 10, "showPoints": "never"}
        if panel.above:
            defaults["custom"]["thresholdsStyle"] = {"mode": "line"}
    return defaults


_OPTIONS: dict[str, dict[str, Any]] = {
    "stat": {"reduceOptions": {"calcs": ["lastNotNull"], "fields": "", "values": False}, "colorMode": "value"},
    "timeseries": {
        "legend": {"displayMode": "table", "placement": "bottom", "calcs": ["lastNotNull", "max"]},
        "tooltip": {"mode": "multi", "sort": "desc"},
    },
    "heatmap": {"calculate": False, "yAxis": {"unit": "s"}, "color": {"mode": "scheme", "scheme": "Blues"}},
    "table": {"showHeader": True, "sortBy": [{"displayName": "rule", "desc": False}]},
}
_TABLE = [
    {
        "id": "organize",
        "options": {
            "excludeByName": {"Time": True},
            "renameByName": {"Value": "replicas"},
            "indexByName": {"rule": 0, "level": 1, "Value": 2},
        },
    }
]
