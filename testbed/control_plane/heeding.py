"""Waiting until an API server calls webhooks as they are registered, which it does a moment after that is stored."""

from __future__ import annotations

import itertools
import json
from typing import Any

from testbed.control_plane.cluster import Cluster
from testbed.patience import eventually

_NUMBERS = itertools.count(1)
_KINDS = {"MutatingWebhookConfiguration": "ConfigMap", "ValidatingWebhookConfiguration": "Secret"}
"""Each kind of registration, and what is created to try it."""


def wait_until_heeded(cluster: Cluster) -> None:
    """Wait until the API server heeds all registrations that are stored by now, those that were deleted included.

    It takes them in in the order in which they were written. So a last one of each kind is written, of a webhook that
    nobody answers, and tried until its call fails.
    """
    label = f"heeded-{next(_NUMBERS)}"
    registrations, tried = "", ""
    for kind, what in _KINDS.items():
        metadata = {"name": label, "namespace": "default", "labels": {label: "please"}}
        registrations += f"{json.dumps(_registration(kind, what, label))}\n---\n"
        tried += f"{json.dumps({'apiVersion': 'v1', 'kind': what, 'metadata': metadata})}\n---\n"
    made = cluster.kubectl("create", "-f", "-", stdin=registrations)
    assert made.returncode == 0, made.stderr

    def said() -> str:
        return cluster.kubectl("create", "--dry-run=server", "-f", "-", stdin=tried).stderr

    try:
        eventually(lambda: said().count("failed calling webhook") == len(_KINDS), says=cluster.apiserver_log)
    finally:
        cluster.kubectl("delete", "-f", "-", "--wait=false", stdin=registrations)


def _registration(kind: str, what: str, label: str) -> dict[str, Any]:
    """Of a webhook that is asked about what has the label."""
    rule = {"apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE"], "resources": [f"{what.lower()}s"]}
    webhook = {
        "name": f"{label}.example.com",
        "clientConfig": {"url": "https://127.0.0.1:1/"},
        "rules": [rule],
        "objectSelector": {"matchLabels": {label: "please"}},
        "failurePolicy": "Fail",
        "sideEffects": "None",
        "admissionReviewVersions": ["v1"],
    }
    metadata = {"name": label}
    return {
        "apiVersion": "admissionregistration.k8s.io/v1",
        "kind": kind,
        "metadata": metadata,
        "webhooks": [webhook],
    }
