"""What every end-to-end test starts from."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from testbed.control_plane import binaries
from testbed.control_plane.cluster import Cluster
from testbed.control_plane.installation import Installation, crds, define
from testbed.control_plane.objects import Objects
from testbed.server import Running


@pytest.fixture(scope="session")
def cluster(pytestconfig: pytest.Config) -> Iterator[Cluster]:
    """One API server for the whole run: it takes seconds to start, and namespaces keep the tests apart."""
    capture = pytestconfig.pluginmanager.getplugin("capturemanager")
    # A first run builds for minutes: what it says of that must be seen.
    with capture.global_and_fixture_disabled() if capture else nullcontext():
        folder = binaries.find_or_build()
    with Cluster(folder) as started:
        yield started


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


@pytest.fixture(scope="session")
def admitting(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Admitting]:
    """The cluster of most tests: namespaces keep them apart."""
    with admitting_cluster(tmp_path_factory.mktemp("admitting"), crds()) as it:
        yield it
