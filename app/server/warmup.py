"""Decisions on objects that nobody sent, before the first call: that one would take eight times as long as others."""

from typing import Any

import orjson

from app.admission.engine import Admission
from app.admission.response import render
from app.admission.review import parse, read_request
from app.domain.invoker import GROUP, INVOKERS
from app.domain.repository import Repository
from schemas.admissionreview import API_VERSION
from schemas.kinds import KINDS

_SIZES = (2, 2, 50)
"""Members of the batches."""
_REPOSITORY = {"backend": {"gcs": {"bucket": "none", "prefix": "none"}, "storageSecretName": "none"}}


def warm_up(admission: Admission) -> None:
    """Let both webhooks decide on objects of all kinds. Nothing is counted, logged or remembered of it."""
    for kind in INVOKERS:
        for size in _SIZES:
            request = read_request(parse(orjson.dumps(_review(kind, _spec(kind, size)))))
            for decision in (admission.mutate(request), admission.validate(request)):
                render(request, decision)
    request = read_request(parse(orjson.dumps(_review(Repository.kind, _REPOSITORY))))
    render(request, admission.validate(request))


def _spec(kind: str, size: int) -> dict[str, Any]:
    members = [_member(number) for number in range(size)]
    spec: dict[str, Any] = {"members": members} if kind.endswith("Batch") else members[0]
    return spec | {
        "repository": {"name": "none"},
        "schedule": "@daily",
        "retentionPolicy": {"name": "none", "prune": False},
    }


def _review(kind: str, spec: dict[str, Any]) -> dict[str, Any]:
    request = {
        "uid": "none",
        "operation": "CREATE",
        "dryRun": True,
        "kind": {"group": GROUP, "version": KINDS[kind].version, "kind": kind},
        "object": {"metadata": {"name": "none"}, "spec": spec},
    }
    return {"apiVersion": API_VERSION, "kind": "AdmissionReview", "request": request}


def _member(number: int) -> dict[str, Any]:
    name = f"none-{number}"
    ref = {"apiVersion": "apps/v1", "kind": "Deployment", "name": name}
    target: dict[str, Any] = {
        "ref": ref,
        "volumeMounts": [{"name": name, "mountPath": f"/{name}"}],
        "paths": [f"/{name}"],
    }
    if number:
        target["alias"] = name
    hooks = {"preBackup": {"exec": {"command": ["sync"]}, "containerName": name}}
    return {"target": target, "hooks": hooks, "rules": [{"targetHosts": [name], "paths": [f"/{name}"]}]}
