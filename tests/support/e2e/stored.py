"""A cluster with objects that were stored before any webhook, and the commands that look at it."""

from __future__ import annotations

import contextlib
import copy
import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from app.commands.cluster.client import Api
from app.settings import PREFIX
from kube import kubeconfig
from kube.client import Client
from testbed.control_plane.cluster import Cluster
from testbed.control_plane.credentials import ADMIN, GUEST
from testbed.control_plane.objects import Document, Objects
from testbed.documents import load_all
from testbed.patience import PATIENCE
from tests.support.program import finished

PROGRAM = str(Path(sys.executable).with_name("stash-admission"))
ROOT = Path(__file__).parents[3]
ROLES, DOCS = ROOT / "manifests" / "roles", ROOT / "docs"


@dataclass
class Holding:
    """A cluster without webhooks, and what stores objects in it."""

    cluster: Cluster
    objects: Objects

    def namespace(self, name: str) -> str:
        """A new namespace."""
        done = self.cluster.kubectl("create", "namespace", name)
        assert done.returncode == 0, done.stderr
        return name

    def store(self, *documents: Document) -> list[Document]:
        """Store objects as they are; as the cluster then holds them."""
        with ThreadPoolExecutor(4) as pool:
            replies = list(pool.map(self.objects.create, documents))
        assert [each.status for each in replies] == [201] * len(replies), [each.message for each in replies]
        return [each.body for each in replies]

    def environment(self, user: str = ADMIN) -> dict[str, str]:
        """The environment of a user, without settings of the server."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith((PREFIX, "KUBE"))}
        return {**kept, "KUBECONFIG": str(self.cluster.credentials.kubeconfig(user))}

    def run(self, *arguments: str, user: str = ADMIN, given: str = "") -> subprocess.CompletedProcess[str]:
        """What a command does as a user."""
        done = subprocess.run(
            [PROGRAM, *arguments],
            env=self.environment(user),
            input=given,
            capture_output=True,
            text=True,
            timeout=PATIENCE,
            check=False,
        )
        assert "Traceback" not in done.stderr, done.stderr
        return done

    def audited(self, *arguments: str, code: int) -> dict[str, Any]:
        """What `audit --output json` says."""
        done = self.run("audit", "--output", "json", *arguments)
        assert done.returncode == code, done.stderr
        said: dict[str, Any] = json.loads(done.stdout)
        return said

    def api(self) -> Api:
        """A connection as the commands have it."""
        return Api(Client(kubeconfig.load(str(self.cluster.credentials.kubeconfig(ADMIN))), "test"))

    @contextlib.contextmanager
    def granted(self, role: str, namespace: str | None = None) -> Iterator[None]:
        """The second user has a role of `manifests/roles/`, in a namespace or everywhere."""
        where = ["rolebinding", f"--namespace={namespace}"] if namespace else ["clusterrolebinding"]
        kind, *place = where
        applied = self.cluster.kubectl("apply", "-f", str(ROLES / f"{role}.yaml"))
        assert applied.returncode == 0, applied.stderr
        bound = self.cluster.kubectl(
            "create", kind, role, f"--clusterrole=stash-admission-{role}", f"--user={GUEST}", *place
        )
        assert bound.returncode == 0, bound.stderr
        try:
            yield
        finally:
            self.cluster.kubectl("delete", kind, role, *place)


@dataclass(frozen=True)
class Page:
    """A page of `docs/` with objects, and with what commands say of a cluster that holds them."""

    text: str

    @classmethod
    def read(cls, name: str) -> Self:
        """A page by its name."""
        return cls((DOCS / name).read_text())

    def objects(self) -> list[Document]:
        """The objects that the page shows."""
        (block,) = re.findall(r"<!-- objects -->\n```yaml\n(.*?)```\n<!-- end -->", self.text, re.DOTALL)
        return load_all(block)

    def transcript(self, name: str) -> tuple[list[str], str]:
        """The arguments of a command that it shows, and what it says."""
        pattern = rf"<!-- cluster: {name} -->\n```console\n\$ stash-admission ([^\n]*)\n(.*?)```\n<!-- end -->"
        ((command, output),) = re.findall(pattern, self.text, re.DOTALL)
        return command.split(), output


def said(holding: Holding, arguments: list[str]) -> str:
    """What a command writes, as somebody sees it, of a cluster at an address that does not change."""
    done = finished([PROGRAM, *arguments], holding.environment())
    lines = done.stdout.replace(holding.cluster.server, "https://10.96.0.1").splitlines()
    return "".join(f"{line.rstrip()}\n" for line in lines)


def without_alias(namespace: str, name: str, kind: str = "Deployment", **spec: Any) -> Document:
    """A BackupConfiguration as it was written before there were aliases, with a Repository of its own."""
    return {
        "apiVersion": "stash.appscode.com/v1beta1",
        "kind": "BackupConfiguration",
        "metadata": {"name": name, "namespace": namespace},
        "spec": {
            "repository": {"name": f"repo-{name}"},
            "schedule": "0 3 * * *",
            "retentionPolicy": {"name": "keep-last-5", "keepLast": 5, "prune": True},
            "target": {"ref": {"apiVersion": "apps/v1", "kind": kind, "name": name}, "paths": ["/data"]},
            **spec,
        },
    }


def batch_of(namespace: str, name: str, *targets: tuple[str, str], repository: str = "", **spec: Any) -> Document:
    """A BackupBatch of targets without alias, each a kind and a name."""
    made = without_alias(namespace, name, **spec)
    targeted = [{"target": {"ref": {"apiVersion": "apps/v1", "kind": each, "name": of}}} for each, of in targets]
    del made["spec"]["target"]
    made["spec"]["members"] = targeted
    made["spec"]["repository"] = {"name": repository or f"repo-{name}"}
    return {**made, "kind": "BackupBatch"}


def aliased(document: Document, *aliases: str) -> Document:
    """The object with aliases for its targets, in order."""
    made = copy.deepcopy(document)
    spec = made["spec"]
    targets = [member["target"] for member in spec["members"]] if "members" in spec else [spec["target"]]
    for target, alias in zip(targets, aliases, strict=True):
        target["alias"] = alias
    return made
