"""Objects to store: good ones, each of its own, and one as it was written before there were aliases."""

from typing import Any

from testbed.reviews import Document
from testbed.server import backup

REPOSITORY = {
    "apiVersion": "stash.appscode.com/v1alpha1",
    "kind": "Repository",
    "metadata": {"name": "gcs-repo", "namespace": "demo"},
    "spec": {"backend": {"gcs": {"bucket": "backups"}}},
}
SELECTOR = {"from": "Selector", "selector": {"matchLabels": {"team": "shop"}}}


def configuration(name: str, alias: str = "app", repository: str = "gcs-repo", **metadata: Any) -> Document:
    """A BackupConfiguration; further keyword arguments are of its metadata."""
    document = backup(repository={"name": repository})
    document["spec"]["target"]["alias"] = alias
    return {**document, "metadata": {"name": name, "namespace": "demo", **metadata}}


def batch(name: str, *aliases: str, repository: str = "gcs-repo", **metadata: Any) -> Document:
    """A BackupBatch with a member for each alias; further keyword arguments are of its metadata."""
    spec = dict(configuration(name, repository=repository)["spec"])
    target = spec.pop("target")
    members = [
        {"target": {**target, "alias": alias, "ref": {**target["ref"], "name": alias}}} for alias in aliases or ("app",)
    ]
    metadata = {"name": name, "namespace": "demo", **metadata}
    return {
        "apiVersion": "stash.appscode.com/v1beta1",
        "kind": "BackupBatch",
        "metadata": metadata,
        "spec": {**spec, "members": members},
    }


def batch_of(namespace: str, name: str = "shop", count: int = 2, **spec: Any) -> Document:
    """A BackupBatch with so many members; keyword arguments replace fields of its spec."""
    members = [
        {"target": {"alias": f"app-{i}x", "ref": {"apiVersion": "apps/v1", "kind": "Deployment", "name": f"web-{i}"}}}
        for i in range(count)
    ]
    return {
        "apiVersion": "stash.appscode.com/v1beta1",
        "kind": "BackupBatch",
        "metadata": {"name": name, "namespace": namespace},
        "spec": {
            "repository": {"name": "gcs-repo"},
            "schedule": "0 3 * * *",
            "retentionPolicy": {"name": "keep-last-5", "keepLast": 5, "prune": True},
            "members": members,
            **spec,
        },
    }


def legacy_restore(namespace: str) -> Document:
    """A RestoreSession as it was written before there were aliases: rules beside the target, no alias."""
    return {
        "apiVersion": "stash.appscode.com/v1beta1",
        "kind": "RestoreSession",
        "metadata": {"name": "legacy", "namespace": namespace},
        "spec": {
            "repository": {"name": "gcs-repo"},
            "target": {"ref": {"apiVersion": "apps/v1", "kind": "StatefulSet", "name": "db"}},
            "rules": [{"targetHosts": ["host-0"], "sourceHost": "host-1"}, {"paths": ["/data"]}],
        },
    }


def numbered(number: int) -> Document:
    """A BackupConfiguration, or from 10,000 on a BackupBatch, with names of its own."""
    if number < 10_000:
        return configuration(f"config-{number}", f"app-{number}", f"repository-{number}")
    return batch(f"batch-{number}", *(f"app-{number}-{each}" for each in range(10)), repository=f"repository-{number}")
