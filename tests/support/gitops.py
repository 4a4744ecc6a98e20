"""Manifests as they are in Git, and what Argo CD says of them."""

from __future__ import annotations

import copy
import json
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.support.e2e.admitting import Admitting

Manifest = dict[str, Any]
MANAGER = "argocd-controller"
REF = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"}
_BACKUP = {"repository": {"name": "r"}, "retentionPolicy": {"name": "k", "prune": True, "keepLast": 1}}
MANIFESTS: dict[str, tuple[str, Manifest]] = {
    "a target without alias": ("BackupConfiguration", {**_BACKUP, "target": {"ref": REF}}),
    "a member without alias": ("BackupBatch", {**_BACKUP, "members": [{"target": {"ref": REF}}]}),
    "an empty alias": ("BackupConfiguration", {**_BACKUP, "target": {"alias": "", "ref": REF}}),
    "rules in the old place": (
        "RestoreSession",
        {"repository": {"name": "r"}, "rules": [{"paths": ["/d"]}], "target": {"alias": "host-0", "ref": REF}},
    ),
    "a target as fix writes it": ("BackupConfiguration", {**_BACKUP, "target": {"alias": "host-0", "ref": REF}}),
    "members as fix writes them": (
        "BackupBatch",
        {**_BACKUP, "members": [{"target": {"alias": "host-0", "ref": REF}}]},
    ),
}
"""What is in Git: the kind and the spec."""


def manifest(what: str, name: str, namespace: str = "default") -> Manifest:
    """One of MANIFESTS under a name."""
    kind, spec = MANIFESTS[what]
    metadata = {"name": name, "namespace": namespace}
    return {"apiVersion": "stash.appscode.com/v1beta1", "kind": kind, "metadata": metadata, "spec": copy.deepcopy(spec)}


@dataclass
class ArgoCD:
    """The program that compares as Argo CD does, and a cluster's schema."""

    program: Path
    admitting: Admitting

    def out_of_sync(self, config: Manifest, live: Manifest, way: str) -> bool:
        """Whether Argo CD finds a difference."""
        predicted = self.admitting.objects.apply(config, MANAGER, dryRun="All").body
        schema = self.admitting.cluster.kubectl("get", "--raw", "/openapi/v2")
        assert schema.returncode == 0, schema.stderr
        case = {"config": config, "live": live, "predicted": predicted, "way": way}
        asked = {"schema": json.loads(schema.stdout), "manager": MANAGER, "cases": [case]}
        done = subprocess.run([self.program], input=json.dumps(asked), capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        (answer,) = json.loads(done.stdout)
        return bool(answer["outOfSync"])
