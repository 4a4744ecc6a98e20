"""What every end-to-end test starts from."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import nullcontext

import pytest

from testbed.control_plane import binaries
from testbed.control_plane.cluster import Cluster
from testbed.control_plane.installation import crds
from tests.support.e2e.admitting import Admitting, admitting_cluster


@pytest.fixture(scope="session")
def cluster(pytestconfig: pytest.Config) -> Iterator[Cluster]:
    """One API server for the whole run: it takes seconds to start, and namespaces keep the tests apart."""
    capture = pytestconfig.pluginmanager.getplugin("capturemanager")
    # A first run builds for minutes: what it says of that must be seen.
    with capture.global_and_fixture_disabled() if capture else nullcontext():
        folder = binaries.find_or_build()
    with Cluster(folder) as started:
        yield started


@pytest.fixture(scope="session")
def admitting(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Admitting]:
    """The cluster of most tests: namespaces keep them apart."""
    with admitting_cluster(tmp_path_factory.mktemp("admitting"), crds()) as it:
        yield it
