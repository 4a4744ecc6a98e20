"""The examples in the rules' documentation as whole objects."""

from typing import Any, NamedTuple

from ruamel.yaml import YAML

from app.rules.registry import Rule

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
    "Repository": {"backend": {"gcs": {"bucket": "backups"}}},
}


class Example(NamedTuple):
    """An object, what is stored of it if it is an update, and for a rule that asks: what else the cluster holds."""

    object: dict[str, Any]
    old: dict[str, Any] | None = None
    cluster: list[dict[str, Any]] | None = None

    @property
    def documents(self) -> list[dict[str, Any]]:
        """All of it, the object as the last."""
        return [*(self.cluster or ()), *([self.old] if self.old else ()), self.object]


def examples(rule: Rule) -> dict[str, Example]:
    """The rule's examples by their headings."""
    return {heading: _example(rule, _parts(text)) for heading, text in rule.examples.items()}


def _parts(text: str) -> list[dict[str, Any]]:
    return list(YAML(typ="safe", pure=True).load_all(text))


def _example(rule: Rule, parts: list[dict[str, Any]]) -> Example:
    """The last object is the one that the rule judges. One of the same name before it is what is stored."""
    *before, judged = (_whole(rule, part) for part in parts)
    if not rule.asks_the_cluster:
        return Example(judged, before[0] if before else None)
    if not any(each["kind"] == "Repository" for each in before):
        named = [judged["spec"]["repository"]["name"], *(each["spec"]["repository"]["name"] for each in before)]
        # Each has a place of its own: two Repositories with one place are one.
        repositories: list[dict[str, Any]] = [
            {
                "kind": "Repository",
                "metadata": {"name": name},
                "spec": {"backend": {"gcs": {"bucket": "backups", "prefix": name}}},
            }
            for name in dict.fromkeys(named)
        ]
        before = [*(_whole(rule, each) for each in repositories), *before]
    return Example(judged, cluster=before)


def _whole(rule: Rule, part: dict[str, Any]) -> dict[str, Any]:
    """The example with what every object of its kind needs and the example leaves out. Null leaves a field out."""
    spec = {**_COMMON[part["kind"]], **part.get("spec", {})}
    version = "v1alpha1" if part["kind"] == "Repository" else "v1beta1"
    return {
        "apiVersion": f"stash.appscode.com/{version}",
        "kind": part["kind"],
        "metadata": {"name": rule.id, "namespace": "demo"} | part.get("metadata", {}),
        "spec": {key: value for key, value in spec.items() if value is not None},
    }
