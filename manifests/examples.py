"""The examples in the rules' documentation as whole objects."""

from typing import Any

from ruamel.yaml import YAML

from app.catalogue import Rule

_TARGET = {"alias": "app", "ref": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"}}
_REPOSITORY = {"repository": {"name": "gcs-repo"}}
_BACKUP = {
    **_REPOSITORY,
    "schedule": "0 3 * * *",
    "retentionPolicy": {"name": "keep-last-5", "keepLast": 5, "prune": True},
}
_COMMON: dict[str, dict[str, Any]] = {
    "BackupConfiguration": {**_BACKUP, "target": _TARGET},
    "BackupBatch": {**_BACKUP, "members": [{"target": _TARGET}]},
    "RestoreSession": {**_REPOSITORY, "target": _TARGET},
    "RestoreBatch": {**_REPOSITORY, "members": [{"target": _TARGET}]},
}


def examples(rule: Rule) -> dict[str, list[dict[str, Any]]]:
    """The rule's examples by their headings: one object each, or for an update the stored one and the new one."""
    return {heading: [_whole(rule, part) for part in _parts(text)] for heading, text in rule.examples.items()}


def _parts(text: str) -> list[dict[str, Any]]:
    return list(YAML(typ="safe", pure=True).load_all(text))


def _whole(rule: Rule, part: dict[str, Any]) -> dict[str, Any]:
    """The example with what every object of its kind needs and the example leaves out. Null leaves a field out."""
    spec = {**_COMMON[part["kind"]], **part["spec"]}
    return {
        "apiVersion": "stash.appscode.com/v1beta1",
        "kind": part["kind"],
        "metadata": {"name": rule.id, "namespace": "demo"} | part.get("metadata", {}),
        "spec": {key: value for key, value in spec.items() if value is not None},
    }
