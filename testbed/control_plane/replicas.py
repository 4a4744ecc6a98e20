"""Replicas that watch a cluster with the rights they are installed with, behind one address."""

import json
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from app.inventory.folder import inventory_of
from app.inventory.store import KINDS
from testbed.control_plane import binaries
from testbed.control_plane.cluster import Cluster
from testbed.control_plane.installation import NAME, Installation, apply, crds, define, documents
from testbed.control_plane.objects import Document, Objects
from testbed.control_plane.proxy import proxied
from testbed.objects import batch_of
from testbed.patience import eventually
from testbed.server import Running


@dataclass
class Replicas:
    """A cluster, and replicas behind one address."""

    cluster: Cluster
    objects: Objects
    replicas: list[Running]

    def namespace(self, name: str, **labels: str) -> str:
        """A new namespace."""
        apply(
            self.cluster, {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": labels or {}}}
        )
        return name

    def store(self, *stored: Document) -> None:
        """Create objects, which are admitted, and wait until the replicas know them."""
        for document in stored:
            reply = self.objects.create(document)
            assert reply.status == 201, reply.message
        self.settle()

    def settle(self) -> None:
        """Wait until the replicas know of as many objects as there are."""
        listed = self.cluster.kubectl("get", ",".join(KINDS.values()), "--all-namespaces", "-o", "json")
        assert listed.returncode == 0, listed.stderr
        held = inventory_of(json.loads(listed.stdout)["items"]).counts()
        eventually(
            lambda: all(known(each) == held for each in self.replicas),
            says=lambda: (held, [known(each) for each in self.replicas]),
        )


def known(replica: Running) -> dict[str, float]:
    """How many objects of each kind a replica says it holds."""
    metrics = replica.metrics()
    return {kind: metrics["stash_admission_inventory_objects", (("kind", kind),)] for kind in KINDS}


def kubeconfig(cluster: Cluster, folder: Path) -> Path:
    """Of the replicas' ServiceAccount, with the rights that the manifests give it."""
    for each in (
        *documents("base/namespace.yaml"),
        *documents("base/serviceaccount.yaml"),
        *documents("base/rbac.yaml"),
        *documents("base/flowcontrol.yaml"),
    ):
        apply(cluster, each)
    return account(cluster, folder, NAME)


def account(cluster: Cluster, folder: Path, name: str) -> Path:
    """A kubeconfig of a ServiceAccount in the server's namespace."""
    token = cluster.kubectl("create", "token", name, "-n", NAME).stdout.strip()
    path = folder / f"kubeconfig-{name}"
    content = json.loads(cluster.credentials.kubeconfig("admin").read_text())
    content["users"][0]["user"] = {"token": token}
    content["contexts"][0]["context"]["namespace"] = NAME
    path.write_text(json.dumps(content))
    return path


@contextmanager
def replicas(folder: Path, count: int, *arguments: str, flags: tuple[str, ...] = ()) -> Iterator[Replicas]:
    """A cluster whose API server has further flags, and so many replicas with further arguments."""
    with Cluster(binaries.find_or_build(), *flags) as cluster, ExitStack() as stack:
        define(cluster, crds())
        installation = Installation(cluster, folder)
        variables = {"KUBECONFIG": str(kubeconfig(cluster, folder))}
        running = []
        for number in range(count):
            (folder / str(number)).mkdir()
            serving = installation.serving(
                folder / str(number), "--inventory", "cluster", *arguments, variables=variables
            )
            running.append(stack.enter_context(serving))
        balancer = stack.enter_context(proxied(*(each.port for each in running)))
        installation.register(balancer.port)
        objects = Objects(cluster)
        yield Replicas(cluster, objects, running)
        objects.close()


def backup(namespace: str, name: str, repository: Document, alias: str, kind: str = "Deployment") -> Document:
    """A BackupConfiguration."""
    document = batch_of(namespace, name, repository=repository)
    del document["spec"]["members"]
    target = {"alias": alias, "ref": {"apiVersion": "apps/v1", "kind": kind, "name": name}, "paths": ["/data"]}
    return {**document, "kind": "BackupConfiguration", "spec": {**document["spec"], "target": target}}


def repository(namespace: str, name: str, policy: Document | None = None) -> Document:
    spec: Document = {"backend": {"gcs": {"bucket": "b", "prefix": f"{namespace}/{name}"}}}
    if policy is not None:
        spec["usagePolicy"] = {"allowedNamespaces": policy}
    return {
        "apiVersion": "stash.appscode.com/v1alpha1",
        "kind": "Repository",
        "metadata": {"name": name, "namespace": namespace},
        "spec": spec,
    }
