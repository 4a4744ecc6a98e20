"""Fields that the CRDs do not have, named as kubectl's strict validation names them."""

from collections.abc import Iterator
from difflib import get_close_matches
from typing import Any

from app.domain.kinds import KINDS
from app.domain.outcome import Finding, Reason
from app.domain.path import Path, dotted
from app.domain.quoting import quoted

_OBJECT = {"apiVersion", "kind", "metadata", "spec", "status"}
_METADATA = {
    "annotations", "creationTimestamp", "deletionGracePeriodSeconds", "deletionTimestamp", "finalizers", "generateName",
    "generation", "labels", "managedFields", "name", "namespace", "ownerReferences", "resourceVersion", "selfLink",
    "uid",
}  # fmt: skip
"""What `meta/v1` ObjectMeta has."""
_SUCCESSORS = {
    "backupConfigurationTemplates": "an old version had it: write `members`, and what is in the `spec` of each "
    "into the member itself",
    "directories": "an old version had it: write `paths`",
    "disableCache": "an old version had it: write `disableCaching`",
    "labelSelector": "a target is named by its `ref`: write a BackupBatch with a member for each workload",
    "selector": "a target is named by its `ref`: write a BackupBatch with a member for each workload",
}
"""What to write instead of fields that older versions had, or that nothing has but people expect."""
_RULES = {"exclude", "include", "paths", "snapshots", "sourceHost", "targetHosts"}
"""What a rule of a restore has, and its target has not."""
_MAX_CHARS = 64
"""Characters of a field's name that are compared with those that there are."""
_DROPPED = "the API server drops it, and kubectl refuses the object"


def unknown_fields(kind: str, document: dict[str, Any]) -> Iterator[Finding]:
    """A finding for each field of an object that its kind does not have."""
    for path in _paths(kind, document):
        message = f"unknown field {quoted(dotted(path))}: {_advice(kind, path)}"
        yield Finding(path, Reason.FORBIDDEN, message)


def _advice(kind: str, path: Path) -> str:
    name = str(path[-1])
    if path[0] == "spec":
        known = KINDS[kind].checker.fields(path[1:-1])
        if name in _SUCCESSORS:
            return f"{_SUCCESSORS[name]}; {_DROPPED}"
        if "rules" in known and "alias" in known and name in _RULES:
            return f"write it into a rule of `{dotted((*path[:-1], 'rules'))}`; {_DROPPED}"
        if name == "spec" and "target" in known:
            return f"write what is in it one level up; {_DROPPED}"
        near = _nearest(name, known)
        if near:
            return f"write `{near}`; {_DROPPED}"
    return f"remove it, {_DROPPED}"


def _nearest(name: str, known: set[str]) -> str:
    """The field that is spelled most alike, be it in other letters of either case; empty if none is."""
    lower = {each.lower(): each for each in sorted(known)}
    return next((lower[each] for each in get_close_matches(name.lower()[:_MAX_CHARS], lower, n=1, cutoff=0.8)), "")


def _paths(kind: str, document: dict[str, Any]) -> Iterator[Path]:
    yield from ((name,) for name in document if name not in _OBJECT)
    metadata = document.get("metadata")
    if isinstance(metadata, dict):
        yield from (("metadata", name) for name in metadata if name not in _METADATA)
    if isinstance(document.get("spec"), dict):
        yield from (("spec", *path) for path in KINDS[kind].checker.unknown(document["spec"]))
