"""A cluster in which the webhooks are registered and served."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from testbed.control_plane import binaries
from testbed.control_plane.cluster import Cluster
from testbed.control_plane.installation import Installation, define
from testbed.control_plane.objects import Objects
from testbed.server import Running


@dataclass
class Admitting:
    """A cluster in which the webhooks are registered as shipped, with our CRDs and the server running."""

    cluster: Cluster
    objects: Objects
    installation: Installation
    server: Running

    def namespace(self, name: str) -> str:
        """A new namespace."""
        done = self.cluster.kubectl("create", "namespace", name)
        assert done.returncode == 0, done.stderr
        return name

    def apply(self, text: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        """What `kubectl apply` makes of a manifest."""
        return self.cluster.kubectl("apply", "-f", "-", *arguments, stdin=text)


@contextmanager
def admitting_cluster(folder: Path, definitions: list[dict[str, Any]]) -> Iterator[Admitting]:
    """A cluster of its own with these CRDs, the registration and the server."""
    with Cluster(binaries.find_or_build()) as cluster:
        define(cluster, definitions)
        installation = Installation(cluster, folder)
        objects = Objects(cluster)
        with installation.serving(folder) as server:
            installation.register(server.port)
            yield Admitting(cluster, objects, installation, server)
        objects.close()
