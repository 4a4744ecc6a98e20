"""The table of metrics, made from those that the server registers."""

from collections.abc import Mapping, Sequence

from app.server.observability.metrics import Metrics

_SUFFIXES = {"counter": "_total"}
_VERSION = "that of the server"


def registered() -> Metrics:
    """All metrics that a server can have."""
    metrics = Metrics()
    metrics.knows(dict, lambda: 0.0)
    return metrics


def table() -> str:
    """The table in Markdown."""
    registry = registered().registry
    rows = [
        f"| `{family.name}{_SUFFIXES.get(family.type, '')}` | {family.type} | {_shown(registry.labels[family.name])} "
        f"| {family.documentation} |\n"
        for family in registry.collect()
    ]
    return "| metric | type | labels and their values | |\n|---|---|---|---|\n" + "".join(rows)


def _shown(labels: Mapping[str, Sequence[str]]) -> str:
    return "; ".join(f"`{label}`: {_values(label, values)}" for label, values in labels.items())


def _values(label: str, values: Sequence[str]) -> str:
    if label == "rule":
        return "the id of a [rule](../reference/rules.md)"
    return _VERSION if label == "version" else ", ".join(values)
