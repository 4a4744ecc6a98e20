"""The kinds of the Prometheus Operator, as far as they are kinds."""

from __future__ import annotations

from typing import Any

from testbed.control_plane.installation import definition

_KEEPS = {"x-kubernetes-preserve-unknown-fields": True}
_KINDS = {"PodMonitor": "podmonitors", "ServiceMonitor": "servicemonitors", "PrometheusRule": "prometheusrules"}


def definitions() -> list[dict[str, Any]]:
    """CRDs that take whatever they are given."""
    return [definition("monitoring.coreos.com", "v1", kind, plural, _KEEPS) for kind, plural in _KINDS.items()]
