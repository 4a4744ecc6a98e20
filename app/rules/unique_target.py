"""The rule `unique-target`."""

from collections.abc import Iterator
from functools import partial
from operator import attrgetter
from typing import Any

from app.domain.clashes import clashes
from app.domain.invoker import Batch, Member, Restore, same
from app.domain.outcome import Finding, Reason
from app.domain.twin import Twin, all_differ, pairs_differ

_SIDECARS = {
    "DaemonSet", "Deployment", "DeploymentConfig", "ReplicaSet", "ReplicationController", "StatefulSet",
}  # fmt: skip
"""Workloads into which the operator puts a sidecar if they are backed up without a task: one for each, whoever asks."""
_MERGED = {False: {"target.alias", "target.paths", "target.volumeMounts"}, True: {"target.volumeMounts"}}
"""Fields in which two members may differ and still be written as one; `True`: those of a restore."""
_MAX_NAMED_FIELDS = 3

TWIN = Twin(
    holds=all_differ("variables.identities"),
    without_maps=pairs_differ("variables.identities"),
    message="two members have the same target, and the operator cannot tell them apart: merge them into one",
    judges="variables.identities",
)


def unique_target(batch: Batch) -> Iterator[Finding]:
    """Refuse two members of a batch with the same target.

    The operator tracks the status of members by their target, so such a batch never completes. Targets are the same if
    their kind, namespace and name are; an empty namespace means the object's own. Two members that differ only in what
    they back up, such as `paths`, are one. One that has another task, hooks or `exclude` belongs in an object of its
    own.

    Bad:

        kind: BackupBatch
        spec:
          members:
          - target: {alias: html, ref: {apiVersion: apps/v1, kind: Deployment, name: web}, paths: [/var/www]}
          - target: {alias: logs, ref: {apiVersion: apps/v1, kind: Deployment, name: web}, paths: [/var/log]}

    Good:

        kind: BackupBatch
        spec:
          members:
          - target: {alias: web, ref: {apiVersion: apps/v1, kind: Deployment, name: web}, paths: [/var/www, /var/log]}
    """
    for clash in clashes(batch, attrgetter("identity")):
        pair = (clash.first, clash.later)
        yield Finding(
            (*clash.later_target.path, "ref"),
            Reason.DUPLICATE,
            partial(_message, batch, *pair),
            pair=pair,
            preexisting=clash.preexisting,
        )


def _message(batch: Batch, first: int, later: int) -> str:
    return (
        f"{batch.label(later)} has the same target as {batch.label(first)}, and the operator cannot tell them apart: "
        f"{_advice(batch, first, later)}"
    )


def _advice(batch: Batch, first: int, later: int) -> str:
    """What keeps all that both members say."""
    restores = isinstance(batch, Restore)
    differing = [
        name for name in _differing(batch.members[first], batch.members[later]) if name not in _MERGED[restores]
    ]
    if not differing:
        return f"merge members[{later}] into members[{first}]"
    named = ", ".join(differing[:_MAX_NAMED_FIELDS])
    if restores:
        return (
            f"they differ in {named}, so write a RestoreSession for members[{later}], "
            f"and create it when this {batch.kind} has succeeded"
        )
    if not batch.snapshotter and _has_sidecar(batch.members[first]) and _has_sidecar(batch.members[later]):
        return (
            f"they differ in {named}, but a workload has one sidecar, for which there is one such setting: merge "
            f"members[{later}] into members[{first}] with a setting that suits both, or back up one of its volumes as "
            "a PersistentVolumeClaim"
        )
    return f"they differ in {named}, so write a BackupConfiguration for members[{later}]"


def _has_sidecar(member: Member) -> bool:
    return member.target is not None and not member.target.task and member.target.kind in _SIDECARS


def _differing(one: Member, other: Member) -> Iterator[str]:
    """The fields in which two members with the same target differ: `hooks`, `target.exclude`."""
    mine, its = _fields(one.body), _fields(other.body)
    for name in dict.fromkeys((*mine, *its)):
        if name != "target.ref" and not same(mine.get(name), its.get(name)):
            yield name


def _fields(body: Any) -> dict[str, Any]:
    """Of a member's target and task each field, of all else the whole."""
    fields: dict[str, Any] = {}
    for name, value in body.items():
        if name in ("target", "task") and isinstance(value, dict):
            fields |= {f"{name}.{each}": below for each, below in value.items()}
        else:
            fields[name] = value
    return fields
