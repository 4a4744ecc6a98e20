"""What these tests start from: the programs, and a cluster in which the webhooks are served."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import nullcontext
from pathlib import Path

import pytest

from testbed.control_plane import binaries as control_plane
from testbed.control_plane.installation import crds
from testbed.gitops import binaries as gitops
from testbed.helm import binaries as helms
from tests.support.e2e.admitting import Admitting, admitting_cluster
from tests.support.gitops import ArgoCD
from tests.support.helm import Helm


@pytest.fixture(scope="session", autouse=True)
def built(pytestconfig: pytest.Config) -> tuple[Path, Path]:
    """The program for Argo CD's way, and the folder of the Helms: a first run builds, which must be seen."""
    capture = pytestconfig.pluginmanager.getplugin("capturemanager")
    with capture.global_and_fixture_disabled() if capture else nullcontext():
        control_plane.find_or_build()
        return gitops.find_or_build(), helms.find_or_build()


@pytest.fixture(scope="session")
def admitting(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Admitting]:
    with admitting_cluster(tmp_path_factory.mktemp("admitting"), crds()) as it:
        yield it


@pytest.fixture
def argocd(built: tuple[Path, Path], admitting: Admitting) -> ArgoCD:
    return ArgoCD(built[0], admitting)


@pytest.fixture(params=helms.MAJORS, ids=lambda major: f"helm-{major}")
def helm(request: pytest.FixtureRequest, built: tuple[Path, Path], admitting: Admitting, tmp_path: Path) -> Helm:
    """Both Helms, one after the other."""
    return Helm(built[1] / f"helm{request.param}", admitting.cluster, tmp_path)
