"""The rules as policies of an API server, beside the server's own decisions."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import combinations_with_replacement
from pathlib import Path
from typing import Any

from app.admission.levels import Levels
from app.commands.policies.policy import NAME, Mode, policies
from app.commands.policies.release import Release
from app.domain.invoker import same
from app.domain.twin import Twin
from app.rules.registry import RULES, Level, levels
from testbed.control_plane.cluster import Cluster
from testbed.control_plane.installation import apply
from testbed.control_plane.objects import Document, Objects, Reply
from testbed.documents import load
from testbed.patience import eventually
from testbed.reviews import admit

NEWEST = Release(37)
_NUMBERS = itertools.count(1)
_SAYS = re.compile(rf"'{NAME}-([a-z-]+)'")


def generated(mode: Mode, release: Release = NEWEST) -> list[Document]:
    """The policies by default levels."""
    return policies(Levels(levels({})), mode, release, NAME)


def warn_and_mutate(release: Release = NEWEST) -> list[Document]:
    """All policies, so that each answer names every rule that is broken, and the object is as it is mutated."""
    mutating = [each for each in generated(Mode.DENY, release) if each["kind"].startswith("Mutating")]
    return [*mutating, *generated(Mode.WARN, release)]


def install(cluster: Cluster, objects: Objects, documents: list[Document]) -> None:
    """Apply policies, and wait until the API server heeds all of them."""
    heeded = f"heeded-{next(_NUMBERS)}"
    apply(cluster, *documents, *_sentinel(heeded))
    eventually(lambda: heeded in " ".join(_said(objects)), says=lambda: _said(objects))
    if any(each["kind"].startswith("Mutating") for each in documents):
        eventually(lambda: _all_mutated(_probe(objects)), says=lambda: _probe(objects).body)


def _probe(objects: Objects) -> Reply:
    ref = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "probe"}
    member = {"target": {"ref": ref}, "rules": [{"paths": ["/"]}]}
    spec = {"repository": {"name": "probe"}, "maintainOrder": True, "members": [member]}
    metadata = {"name": "probe", "namespace": "default"}
    probe = {"apiVersion": "stash.appscode.com/v1beta1", "kind": "RestoreBatch", "metadata": metadata, "spec": spec}
    return objects.create(probe, dryRun="All")


def _all_mutated(reply: Reply) -> bool:
    spec = reply.body.get("spec") or {}
    target = (spec.get("members") or [{}])[0].get("target") or {}
    return "executionOrder" in spec and "alias" in target and "rules" in target


def _said(objects: Objects) -> list[str]:
    reply = _probe(objects)
    return [*reply.warnings, reply.message]


def _sentinel(name: str) -> list[Document]:
    """A policy that warns of the probe. Policies are taken in all at once, so it is heeded when they are."""
    return [
        {
            "apiVersion": "admissionregistration.k8s.io/v1",
            "kind": "ValidatingAdmissionPolicy",
            "metadata": {"name": name},
            "spec": {
                "matchConstraints": {
                    "resourceRules": [
                        {
                            "apiGroups": ["stash.appscode.com"],
                            "apiVersions": ["*"],
                            "operations": ["CREATE"],
                            "resources": ["restorebatches"],
                        }
                    ]
                },
                "validations": [{"expression": "object.metadata.name != 'probe'", "message": name}],
            },
        },
        {
            "apiVersion": "admissionregistration.k8s.io/v1",
            "kind": "ValidatingAdmissionPolicyBinding",
            "metadata": {"name": name},
            "spec": {"policyName": name, "validationActions": ["Warn"]},
        },
    ]


@dataclass(frozen=True)
class Compared:
    """What both say of an object."""

    server: frozenset[str]
    """Rules with a finding."""
    refused: frozenset[str]
    """Rules that refuse."""
    twin: frozenset[str]
    errors: tuple[str, ...]
    mutated: Any
    """As the server mutates it."""
    stored: Any
    """As the policies mutate it."""


def shown(objects: Objects, document: Document, stored: Document | None = None) -> Document | None:
    """An object as the API server shows it to those that it asks: pruned, with defaults; None: its CRD refuses it.

    To be asked while there is nothing else that changes it.
    """
    reply = objects.create(document, dryRun="All") if stored is None else objects.replace(document, dryRun="All")
    if reply.status not in (200, 201):
        return None
    metadata = {name: reply.body["metadata"][name] for name in ("name", "namespace")}
    return {**reply.body, "metadata": metadata}


def compare(objects: Objects, document: Document, old: Document | None = None) -> Compared:
    """Ask both, without storing anything. `document` is as the API server shows it to webhooks."""
    admitted = admit(document, old)
    reply = objects.create(document, dryRun="All") if old is None else objects.replace(document, dryRun="All")
    assert reply.status in (200, 201), (reply.message, document)
    errors = tuple(each for each in reply.warnings if "error" in each and NAME in each)
    twin = frozenset(name for each in reply.warnings for name in _SAYS.findall(each))
    with_twin = {rule.id for rule in RULES.values()}
    return Compared(
        frozenset(admitted.validation.refused_by | admitted.warned_by),
        frozenset(admitted.validation.refused_by),
        frozenset(re.sub("-warn$", "", each) for each in twin) & with_twin,
        errors,
        admitted.document.get("spec"),
        reply.body.get("spec"),
    )


DIFFERENCES: dict[str, dict[str, str]] = load((Path(__file__).parent / "policies-differences.yaml").read_text())
"""By rule, then by kind, why the twin does not find in a new object what the server does."""
TWINS = {rule.id for rule in RULES.values() if isinstance(rule.twin, Twin)}
ENFORCED = {rule.id for rule in RULES.values() if rule.level is Level.ENFORCE}
TOGETHER = {"unique-alias", "unique-host", "possible-host-clash"}
"""Of two findings of these about one member, the server says the first."""


def faults(found: Compared, kind: str, *, created: bool) -> list[str]:
    """Where the twin is wrong; empty: nowhere but where it is known to be."""
    said = [f"error: {each}" for each in found.errors]
    for rule in found.twin - found.server:
        hidden = rule in TOGETHER and found.server & TOGETHER
        if not hidden and not (rule in ENFORCED and found.refused):
            said.append(f"unsound: {rule}")
    if created:
        missed = (found.server & TWINS) - found.twin
        said += [f"missed: {rule}" for rule in missed if kind not in DIFFERENCES.get(rule, ())]
    if not same(found.mutated, found.stored):
        said.append(f"mutated otherwise: {found.stored}, by the server {found.mutated}")
    return sorted(said)


KINDS = ("Deployment", "StatefulSet", "DaemonSet", "PersistentVolumeClaim")
ALIASES = ("", "db", "db-0", "host", "my db")
DRIVERS = ("Restic", "VolumeSnapshotter")


def small_batches() -> Iterator[Document]:
    """All combinations of up to three members: which one comes first does not matter."""
    members = [(kind, alias) for kind in KINDS for alias in ALIASES]
    every = [
        (kind, driver, chosen)
        for kind in ("BackupBatch", "RestoreBatch")
        for driver in DRIVERS
        for size in range(4)
        for chosen in combinations_with_replacement(members, size)
    ]
    for kind, driver, chosen in every:
        yield batch(kind, driver, chosen)


def batch(kind: str, driver: str, members: tuple[tuple[str, str], ...]) -> Document:
    spec: dict[str, Any] = {
        "driver": driver,
        "repository": {"name": "repo"},
        "members": [_member(number, *each) for number, each in enumerate(members)],
    }
    if kind.startswith("Backup"):
        spec["retentionPolicy"] = {"name": "keep", "keepLast": 5, "prune": True}
    metadata = {"name": "small", "namespace": "demo"}
    return {"apiVersion": "stash.appscode.com/v1beta1", "kind": kind, "metadata": metadata, "spec": spec}


def _member(number: int, kind: str, alias: str) -> Document:
    ref = {"apiVersion": "apps/v1", "kind": kind, "name": f"w{number // 2}"}
    return {"target": {"ref": ref, **({"alias": alias} if alias else {})}}
