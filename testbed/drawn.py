"""Objects of the four kinds that back up or restore, drawn at random from good and bad values of their fields."""

from __future__ import annotations

from random import Random
from typing import Any

from app.domain.invoker import INVOKERS

_KINDS = ("Deployment", "StatefulSet", "DaemonSet", "PersistentVolumeClaim", "AppBinding", "statefulset", "")
_ALIASES = ("", "", "db", "db-0", "db-01", "db-x", "host", "host-0", "my db", "-db", "log-store", "log")
_SCHEDULES = (
    "",
    "*/5 * * * *",
    "0 0 * * 7",
    "0 3 * *",
    "@daily",
    "@every 1h",
    "@every x",
    "5-1 * * * *",
    "0 0 1 JAN MON",
)
_DURATIONS = ("1h30m", "45s", "3d", "-1h", "1", "", "0")
_HOOKS: tuple[Any, ...] = (
    {"exec": {"command": ["sync"]}},
    {},
    {"exec": {"command": ["sync"]}, "tcpSocket": {"port": 80}},
)
_TARGET_HOSTS: tuple[list[str], ...] = ([], ["db-0"], ["db-0", "db-1"], ["db"], ["host-3"], ["db-0", "db-0"])


def drawn(random: Random, namespace: str) -> dict[str, Any]:
    """One object. Most of its fields are left out, so that many are good."""
    kind = random.choice(tuple(INVOKERS))
    restores = kind.startswith("Restore")
    spec: dict[str, Any] = {}
    if random.random() < 0.9:
        spec["repository"] = {"name": "repo"}
    if random.random() < 0.2:
        spec["driver"] = random.choice(("Restic", "VolumeSnapshotter"))
    if random.random() < 0.2:
        spec["timeOut"] = random.choice(_DURATIONS)
    if not restores:
        spec["schedule"] = random.choice(_SCHEDULES)
        keeps = {"keepLast": random.choice((5, 0, -1))} if random.random() < 0.8 else {}
        spec["retentionPolicy"] = {"name": "keep", "prune": True, **keeps}
    if kind.endswith("Batch"):
        spec["members"] = [_member(random, namespace, restores=restores) for _ in range(random.randrange(4))]
        if random.random() < 0.4:
            spec["maintainOrder"] = random.choice((True, False))
        if random.random() < 0.4:
            spec["executionOrder"] = random.choice(("Sequential", "Parallel"))
    else:
        spec |= _member(random, namespace, restores=restores)
    metadata = {"name": "drawn", "namespace": namespace}
    return {"apiVersion": "stash.appscode.com/v1beta1", "kind": kind, "metadata": metadata, "spec": spec}


def _member(random: Random, namespace: str, *, restores: bool) -> dict[str, Any]:
    member: dict[str, Any] = {}
    if random.random() < 0.95:
        member["target"] = _target(random, namespace, restores=restores)
    if random.random() < 0.2:
        member["task"] = {"name": random.choice(("mysql-1", "kubedump-0.1", ""))}
    if random.random() < 0.2:
        member["hooks"] = {random.choice(("preRestore", "preBackup")): random.choice(_HOOKS)}
    if restores and random.random() < 0.3:
        member["rules"] = _rules(random)
    return member


def _target(random: Random, namespace: str, *, restores: bool) -> dict[str, Any]:
    ref = {"apiVersion": "apps/v1", "kind": random.choice(_KINDS), "name": random.choice(("a", "b", "c", "d"))}
    if random.random() < 0.1:
        ref["namespace"] = random.choice((namespace, "other"))
    target: dict[str, Any] = {"ref": ref}
    if alias := random.choice(_ALIASES):
        target["alias"] = alias
    if random.random() < 0.1:
        target["snapshotClassName" if not restores else "replicas"] = "csi" if not restores else random.choice((0, 2))
    if restores and random.random() < 0.2:
        target["volumeClaimTemplates"] = [{"metadata": {"name": "data"}, "spec": {}}]
    if restores and random.random() < 0.4:
        target["rules"] = _rules(random)
    return target


def _rules(random: Random) -> list[dict[str, Any]]:
    return [
        {
            "targetHosts": random.choice(_TARGET_HOSTS),
            **({"paths": ["/data"]} if random.random() < 0.5 else {}),
            **({"snapshots": ["latest"]} if random.random() < 0.3 else {}),
        }
        for _ in range(random.randrange(3))
    ]
