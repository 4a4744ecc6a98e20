"""Fields that the CRDs do not have, named as kubectl's strict validation names them."""

from collections.abc import Iterator
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


def unknown_fields(kind: str, document: dict[str, Any]) -> Iterator[Finding]:
    """A finding for each field of an object that its kind does not have."""
    for path in _paths(kind, document):
        why = "the API server drops it, and kubectl refuses the object"
        message = f"unknown field {quoted(dotted(path))}: remove it, {why}"
        yield Finding(path, Reason.FORBIDDEN, message)


def _paths(kind: str, document: dict[str, Any]) -> Iterator[Path]:
    yield from ((name,) for name in document if name not in _OBJECT)
    metadata = document.get("metadata")
    if isinstance(metadata, dict):
        yield from (("metadata", name) for name in metadata if name not in _METADATA)
    if isinstance(document.get("spec"), dict):
        yield from (("spec", *path) for path in KINDS[kind].checker.unknown(document["spec"]))
