"""What the tests with Helm start from: both programs, and a real API server."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import nullcontext
from pathlib import Path

import pytest

from testbed.control_plane import binaries
from testbed.control_plane.cluster import Cluster
from testbed.control_plane.installation import crds, define
from testbed.helm import binaries as helms
from tests.support.e2e import certmanager
from tests.support.e2e.monitoring import definitions as monitoring
from tests.support.helm import Helm


@pytest.fixture(scope="session", autouse=True)
def built(pytestconfig: pytest.Config) -> tuple[Path, Path]:
    """The folders of the programs: a first run builds for minutes, which must be seen."""
    capture = pytestconfig.pluginmanager.getplugin("capturemanager")
    with capture.global_and_fixture_disabled() if capture else nullcontext():
        return binaries.find_or_build(), helms.find_or_build()


@pytest.fixture(scope="session")
def cluster(built: tuple[Path, Path]) -> Iterator[Cluster]:
    with Cluster(built[0]) as started:
        define(started, [*crds(), *certmanager.definitions(), *monitoring()])
        yield started


@pytest.fixture(params=helms.MAJORS, ids=lambda major: f"helm-{major}")
def helm(request: pytest.FixtureRequest, built: tuple[Path, Path], cluster: Cluster, tmp_path: Path) -> Helm:
    """Both Helms, one after the other."""
    return Helm(built[1] / f"helm{request.param}", cluster, tmp_path)
