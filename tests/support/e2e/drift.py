"""What is stored of an object besides what was sent: a GitOps tool would write it again and again."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from testbed.control_plane.cluster import Cluster

Manifest = dict[str, Any]
_OF_THE_SERVER = ("uid", "resourceVersion", "creationTimestamp", "generation", "managedFields")
_CONTROLLER = (
    "batch.kubernetes.io/controller-uid", "batch.kubernetes.io/job-name", "controller-uid", "job-name",
)  # fmt: skip
_ASSIGNED = {
    "Namespace": ("spec",),
    "Service": ("spec.clusterIP", "spec.clusterIPs", "spec.ipFamilies"),
    "Job": ("spec.selector", *(f"spec.template.metadata.labels.{label}" for label in _CONTROLLER)),
}
"""What no manifest can say, since the cluster chooses it."""


def drifts(cluster: Cluster, objects: list[Manifest], manager: str = "test") -> list[str]:
    """Apply objects on the server's side, and tell each field that is then stored otherwise."""
    stored = _applied(cluster, objects, manager)
    return [line for sent, now in zip(objects, stored, strict=True) for line in _drifts(sent, now)]


def _applied(cluster: Cluster, objects: list[Manifest], manager: str) -> list[Manifest]:
    """The objects as they are stored, in the same order."""
    command = ("apply", "--server-side", "--force-conflicts", f"--field-manager={manager}", "--validate=strict")
    text = json.dumps({"apiVersion": "v1", "kind": "List", "items": objects})
    done = cluster.kubectl(*command, "-f", "-", "-o", "json", stdin=text)
    assert done.returncode == 0, done.stderr
    assert done.stderr == "", "a warning"
    stored: list[Manifest] = json.loads(done.stdout)["items"]
    return stored


def _drifts(sent: Manifest, stored: Manifest) -> Iterator[str]:
    stored.pop("status", None)
    for name in _OF_THE_SERVER:
        stored["metadata"].pop(name, None)
    assigned = _ASSIGNED.get(sent["kind"], ())
    for path, before, after in _differences(sent, stored, ""):
        if path not in assigned:
            yield f"{sent['kind']} {sent['metadata']['name']}: {path}: {before} -> {after}"


def _differences(sent: Any, stored: Any, path: str) -> Iterator[tuple[str, str, str]]:
    if isinstance(sent, dict) and isinstance(stored, dict):
        for key in sorted({*sent, *stored}):
            yield from _differences(sent.get(key, _ABSENT), stored.get(key, _ABSENT), f"{path}.{key}".lstrip("."))
    elif isinstance(sent, list) and isinstance(stored, list) and len(sent) == len(stored):
        for index, (one, other) in enumerate(zip(sent, stored, strict=True)):
            yield from _differences(one, other, f"{path}[{index}]")
    elif sent != stored and not (path.endswith(".caBundle") and "".join(sent.split()) == stored):
        # kustomize breaks what it has encoded into lines, which are the same bytes.
        yield path, repr(sent), repr(stored)


class _Absent:
    def __repr__(self) -> str:
        return "nothing"


_ABSENT = _Absent()
