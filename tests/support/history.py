"""Snapshots as `restic snapshots --json` lists them, and the objects that made them."""

import hashlib
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any

NOW = datetime(2026, 11, 28, 12, tzinfo=UTC)
Document = dict[str, Any]


def snapshot(at: datetime, host: str = "web", paths: Iterable[str] = ("/data",), tree: str = "") -> Document:
    """One, with a tree of its own unless one is given."""
    named = hashlib.sha256(repr((at, host, tuple(paths))).encode()).hexdigest()
    return {
        "time": at.isoformat(),
        "tree": tree or named[::-1],
        "paths": list(paths),
        "hostname": host,
        "id": named,
        "short_id": named[:8],
    }


def daily(
    count: int = 10,
    host: str = "web",
    path: str = "/data",
    at: str = "03:00",
    ended: int = 0,
    tree: str = "",
) -> list[Document]:
    """One for each of so many days, the last of them so many days ago."""
    hour, minute = map(int, at.split(":"))
    last = NOW.replace(hour=hour, minute=minute, second=7)
    last -= timedelta(days=ended + (last > NOW))
    return [snapshot(last - timedelta(days=days), host, [path], tree) for days in reversed(range(count))]


def backup(
    name: str = "web",
    alias: str = "web",
    kind: str = "Deployment",
    paths: Iterable[str] = ("/data",),
    schedule: str = "0 3 * * *",
    target: Document | None = None,
    **spec: Any,
) -> Document:
    """A BackupConfiguration."""
    about = {"alias": alias, "ref": {"apiVersion": "apps/v1", "kind": kind, "name": name}, "paths": list(paths)}
    return {
        "apiVersion": "stash.appscode.com/v1beta1",
        "kind": "BackupConfiguration",
        "metadata": {"name": name, "namespace": "demo"},
        "spec": {
            "repository": {"name": "repo"},
            "schedule": schedule,
            "retentionPolicy": {"name": "p", "prune": True, "keepLast": 10},
            "target": {**about, **(target or {})},
            **spec,
        },
    }


def restore(alias: str = "web", rules: Iterable[Document] = (), kind: str = "Deployment", **target: Any) -> Document:
    """A RestoreSession."""
    ref = {"apiVersion": "apps/v1", "kind": kind, "name": "web"}
    return {
        "apiVersion": "stash.appscode.com/v1beta1",
        "kind": "RestoreSession",
        "metadata": {"name": "back", "namespace": "demo"},
        "spec": {
            "repository": {"name": "repo"},
            "target": {"alias": alias, "ref": ref, "rules": list(rules), **target},
        },
    }
