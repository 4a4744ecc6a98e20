"""The webhooks as an installation registers them, and the server behind them as a process on this machine."""

from __future__ import annotations

import base64
import contextlib
import datetime
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from certs.files import write
from certs.issuing import issue_ca, issue_leaf
from testbed.control_plane.cluster import Cluster
from testbed.control_plane.heeding import wait_until_heeded
from testbed.documents import load_all
from testbed.patience import PATIENCE, eventually
from testbed.registered import registered
from testbed.server import Running, running

MANIFESTS = Path(__file__).parents[2] / "manifests"
NAME = "stash-admission"
PROBE = {
    "apiVersion": "stash.appscode.com/v1beta1",
    "kind": "BackupBatch",
    "metadata": {"name": "probe", "namespace": "default"},
    "spec": {"members": [], "retentionPolicy": {"name": "probe", "prune": False}},
}
"""An object that the webhooks refuse: as soon as they do, the API server knows of them."""


def documents(path: str) -> list[dict[str, Any]]:
    """The objects in a file of `manifests/`."""
    return load_all((MANIFESTS / path).read_text())


def whole() -> list[dict[str, Any]]:
    """The objects of `install.yaml`, as they are once the webhooks have been registered."""
    return [registered(each) if "webhooks" in each else each for each in documents("install.yaml")]


def apply(cluster: Cluster, *objects: dict[str, Any]) -> None:
    """Apply objects, which must succeed."""
    text = "\n---\n".join(json.dumps(each) for each in objects)
    done = cluster.kubectl("apply", "--server-side", "--force-conflicts", "-f", "-", stdin=text)
    assert done.returncode == 0, done.stderr


def crds() -> list[dict[str, Any]]:
    """The CRDs that this project ships."""
    return [each for path in sorted((MANIFESTS / "crds").glob("*.yaml")) for each in documents(f"crds/{path.name}")]


def shipped_crds() -> list[dict[str, Any]]:
    """The CRDs as the operator ships them, in what matters here: without the proposal, the order defaulted."""
    definitions = crds()
    for definition in definitions:
        schema = definition["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
        fields = schema["properties"]["spec"]["properties"]
        fields.pop("maintainOrder", None)
        if "executionOrder" in fields:
            fields["executionOrder"] = {"type": "string", "default": "Parallel"}
        if definition["spec"]["names"]["kind"] == "RestoreBatch":
            fields["members"]["items"]["properties"].pop("rules")
    return definitions


def definition(group: str, version: str, kind: str, plural: str, schema: dict[str, Any]) -> dict[str, Any]:
    """A CRD of a kind in namespaces, with a status apart."""
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{plural}.{group}"},
        "spec": {
            "group": group,
            "names": {"kind": kind, "plural": plural, "singular": kind.lower(), "listKind": f"{kind}List"},
            "scope": "Namespaced",
            "versions": [
                {
                    "name": version,
                    "served": True,
                    "storage": True,
                    "schema": {"openAPIV3Schema": {"type": "object", **schema}},
                    "subresources": {"status": {}},
                }
            ],
        },
    }


def define(cluster: Cluster, definitions: list[dict[str, Any]]) -> None:
    """Apply CRDs and wait until their objects can be read and written.

    They are served a moment before that: the API server is then busy with their storage, and says so.
    """
    apply(cluster, *definitions)
    names = [f"crd/{each['metadata']['name']}" for each in definitions]
    done = cluster.kubectl("wait", "--for=condition=Established", f"--timeout={PATIENCE:.0f}s", *names)
    assert done.returncode == 0, done.stderr
    for spec in (each["spec"] for each in definitions):
        for version in (each["name"] for each in spec["versions"] if each["served"]):
            wait_until_served(cluster, f"/apis/{spec['group']}/{version}/{spec['names']['plural']}")


def wait_until_served(cluster: Cluster, path: str) -> None:
    """Wait until objects can be read at a path."""
    eventually(lambda: cluster.kubectl("get", "--raw", f"{path}?limit=1").returncode == 0, says=lambda: path)


class Installation:
    """The registration, and the certificates that the server serves with."""

    def __init__(self, cluster: Cluster, folder: Path) -> None:
        self.cluster = cluster
        self.certificates = folder / "serving-certs"
        now = datetime.datetime.now(datetime.UTC)
        self.ca = issue_ca(now)
        names = [f"{NAME}.{NAME}.svc", "localhost", "127.0.0.1"]
        write(self.certificates, self.ca, issue_leaf(self.ca, names, now))

    def register(self, port: int) -> None:
        """Register the webhooks as shipped, and wait until the API server asks them."""
        self.point_at(port)
        wait_until_heeded(self.cluster)
        eventually(lambda: "(batch-members)" in self.probe(), says=self.probe)

    def point_at(self, port: int, policy: str | None = None) -> None:
        """Register the webhooks as shipped, answered on a port. `policy` replaces the failurePolicy.

        The CA and the rules are written as the commands of a pod do. The port is the server's: an API server that dials
        an ExternalName ignores the Service's ports.
        """
        namespace = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAME}}
        stand_in = {
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": {"name": NAME, "namespace": NAME},
            "spec": {"type": "ExternalName", "externalName": "localhost"},
        }
        configurations = [each for each in whole() if "webhooks" in each]
        for webhook in (webhook for each in configurations for webhook in each["webhooks"]):
            webhook["clientConfig"]["caBundle"] = base64.b64encode(self.ca.certificate_pem).decode()
            webhook["clientConfig"]["service"]["port"] = port
            webhook["failurePolicy"] = policy or webhook["failurePolicy"]
        apply(self.cluster, namespace, stand_in, *configurations)

    def probe(self) -> str:
        """What kubectl says of an object that the webhooks refuse."""
        probe = json.dumps(PROBE)
        return self.cluster.kubectl("create", "--dry-run=server", "--validate=false", "-f", "-", stdin=probe).stderr

    def unregister(self) -> None:
        """What the README calls the emergency stop."""
        kinds = "mutatingwebhookconfiguration,validatingwebhookconfiguration"
        done = self.cluster.kubectl("delete", kinds, NAME, "--ignore-not-found")
        assert done.returncode == 0, done.stderr

    @contextlib.contextmanager
    def serving(self, folder: Path, *flags: str, **options: Any) -> Iterator[Running]:
        """The server as a process, not yet registered; options are those of `running`."""
        with running(folder, *flags, certificates=self.certificates, **options) as server:
            yield server
