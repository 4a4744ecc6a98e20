"""Installed, upgraded, rolled back and uninstalled by real Helms, while objects are created."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from testbed.control_plane.cluster import Cluster
from testbed.control_plane.flags import free_ports
from testbed.control_plane.installation import NAME
from tests.support.e2e.deciding import CONFIGURATIONS, assert_decides, assert_none_failed, without_alias
from tests.support.e2e.reader import Reader
from tests.support.e2e.steady import Series, creating
from tests.support.helm import CHART, Helm

RELEASE = ("some-release", f"--namespace={NAME}")
CHANGED: dict[str, Any] = {
    "replicas": 3,
    "webhooks": {"timeoutSeconds": 7},
    "podAnnotations": {"example.com/revision": "2"},
    "podMonitor": {"enabled": True},
}


@pytest.fixture
def reader(cluster: Cluster, helm: Helm, tmp_path: Path) -> Iterator[Reader]:
    """Whoever runs what pods would run; the chart's Service leads to this machine."""
    (port,) = free_ports(1)
    chart = shutil.copytree(CHART, tmp_path / "chart")
    service, webhooks = chart / "templates" / "service.yaml", chart / "templates" / "webhooks.yaml"
    head, _, _ = service.read_text().partition("spec:\n")
    service.write_text(f"{head}spec:\n  type: ExternalName\n  externalName: localhost\n")
    webhooks.write_text(webhooks.read_text().replace("port: 443\n", f"port: {port}\n"))
    helm.chart = chart
    folder = tmp_path / "reader"
    folder.mkdir()
    reader = Reader(cluster, folder, port)
    yield reader
    reader.close()
    # A test that failed leaves no gate behind.
    cluster.kubectl("delete", ",".join(CONFIGURATIONS), NAME, "--ignore-not-found")


def test_a_release_comes_changes_goes_back_and_goes_and_no_creation_fails(helm: Helm, reader: Reader) -> None:
    chart = str(helm.chart)
    with creating(reader, without_alias(f"unasked-{reader.port}")) as before:
        before.wait()
        helm.run("install", *RELEASE, chart, "--create-namespace")
        reader.settle()
        before.wait()
    assert refused(before) == []
    assert_decides(reader)
    with creating(reader, without_alias(f"made-{reader.port}")) as series:
        trusted = reader.bundles()
        helm.run("upgrade", *RELEASE, chart, *helm.values(CHANGED))
        reader.settle()
        series.wait()
        assert timeouts(reader) == {7}
        assert reader.bundles() == trusted
        assert_decides(reader)
        helm.run("rollback", RELEASE[0], "1", RELEASE[1])
        reader.settle()
        series.wait()
        assert timeouts(reader) == {5}
        assert reader.bundles() == trusted
        assert_none_failed(series)
    assert_decides(reader)
    helm.run("uninstall", *RELEASE)
    left = reader.cluster.kubectl("get", KINDS, "-A", "-l", f"app.kubernetes.io/name={NAME}", "-o", "name")
    assert left.stdout == ""
    with creating(reader, without_alias(f"again-{reader.port}")) as after:
        after.wait()
    assert refused(after) == []


def refused(series: Series) -> list[str]:
    """The creations that failed. That nobody can shake hands where nothing is installed is told as an exception."""
    return [each for each in series.failed if not re.match(r"\w+\(", each)]


KINDS = ",".join(
    (
        "deployments", "services", "jobs", "cronjobs", "roles", "rolebindings", "clusterroles", "clusterrolebindings",
        "mutatingwebhookconfigurations", "validatingwebhookconfigurations", "flowschemas",
        "prioritylevelconfigurations", "networkpolicies", "poddisruptionbudgets", "podmonitors",
    )
)  # fmt: skip


def timeouts(reader: Reader) -> set[int]:
    """How long the API server waits for each webhook."""
    path = "jsonpath={.webhooks[*].timeoutSeconds}"
    done = reader.cluster.kubectl("get", "validatingwebhookconfiguration", NAME, "-o", path)
    return {int(each) for each in done.stdout.split()}
