"""A dry run through the API server: one good object and one bad one, of which nothing is stored."""

from collections.abc import Iterator
from typing import Any

from app.commands.doctor.client import Access
from app.commands.doctor.dry_run_result import TRIED, bad, good
from app.commands.doctor.registration import is_left_out
from app.commands.doctor.state import InstallationState, Unreadable
from app.domain.invoker import GROUP, VERSION
from certs.diagnostics import Diagnosis, note, wrong
from kube.errors import Unavailable
from schemas.kinds import KINDS

_RESOURCE = KINDS[TRIED].plural
_ELSEWHERE = "name another: --try-in NAMESPACE"


def trial(access: Access, sight: InstallationState, namespace: str) -> Iterator[Diagnosis]:
    """Remarks on what becomes of both objects."""
    if remark := _not_tried(sight, namespace):
        yield remark
        return
    try:
        reply = access.try_to_create(namespace, _RESOURCE, good_object(namespace))
        remarks = list(good(reply, sight))
        yield from remarks
        if reply.status < 300:
            yield from bad(access.try_to_create(namespace, _RESOURCE, bad_object(namespace)), sight)
    except Unavailable as error:
        remedy = "see timeoutSeconds of every webhook that is asked about it:\nkubectl get "
        kinds = "mutatingwebhookconfigurations,validatingwebhookconfigurations -o yaml"
        yield wrong(f"dry run: {error}", f"{remedy}{kinds}")


def good_object(namespace: str) -> dict[str, Any]:
    """A BackupConfiguration that is admitted, and gets the alias that it lacks."""
    return {
        "apiVersion": f"{GROUP}/{VERSION}",
        "kind": TRIED,
        "metadata": {"generateName": "stash-admission-doctor-", "namespace": namespace},
        "spec": {
            "repository": {"name": "doctor"},
            "schedule": "0 3 * * *",
            # Paused: who looks at all objects, and knows no dry runs, does nothing about it.
            "paused": True,
            "target": {
                "ref": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "doctor"},
                "paths": ["/data"],
                "volumeMounts": [{"name": "data", "mountPath": "/data"}],
            },
            "retentionPolicy": {"name": "keep-last-1", "keepLast": 1, "prune": True},
        },
    }


def bad_object(namespace: str) -> dict[str, Any]:
    """One that several rules refuse: a level or two may be changed. Its types are right, for the CRD refuses others."""
    document = good_object(namespace)
    document["spec"] |= {"schedule": "0 24 * * *", "timeOut": "3d"}
    document["spec"]["target"]["alias"] = "not an alias"
    return document


def _not_tried(sight: InstallationState, namespace: str) -> Diagnosis | None:
    """Why it makes no sense to try, if it does not."""
    if sight.definitions.get(_RESOURCE, {}) is None:
        return note(f"dry run: not tried, the CRD of {TRIED} does not exist", "see the remark on the CRDs")
    where = sight.tried_in
    if where is None:
        return note(f"dry run: not tried, namespace {namespace} does not exist", _ELSEWHERE)
    if isinstance(where, Unreadable):
        return None
    labels = {"kubernetes.io/metadata.name": namespace, **(where["metadata"].get("labels") or {})}
    for target, found in sight.configurations.items():
        if isinstance(found, dict) and found.get("webhooks") and is_left_out(found, labels):
            line = f"dry run: not tried, the {target.value} leaves namespace {namespace} out"
            return note(line, _ELSEWHERE)
    return None
