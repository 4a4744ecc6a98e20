"""`kubectl stash-admission`, by the real kubectl, as somebody has it who has installed the commands."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from testbed.control_plane.cluster import Cluster
from testbed.patience import PATIENCE

ROOT = Path(__file__).parents[2]


def kubectl(cluster: Cluster, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run kubectl with the plugin on the PATH."""
    environment = {
        **os.environ,
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.defpath}",
        "KUBECONFIG": str(cluster.credentials.kubeconfig("admin")),
    }
    command = [str(cluster.binaries / "kubectl"), *arguments]
    return subprocess.run(
        command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False, timeout=PATIENCE
    )


def test_doctor_examines_the_cluster_of_kubectl(cluster: Cluster) -> None:
    done = kubectl(cluster, "stash-admission", "doctor", "--no-try", "--namespace=nobody-has-this")
    assert done.returncode == 1
    assert "Namespace nobody-has-this: it does not exist" in done.stdout


def test_a_file_is_checked(cluster: Cluster) -> None:
    done = kubectl(cluster, "stash-admission", "check", "manifests/samples/unique-alias.yaml")
    assert done.returncode == 1
    assert "(unique-alias)" in done.stdout


@pytest.mark.parametrize(
    ("words", "found"), [(["doc"], "doctor\t"), (["explain", "unique-al"], "unique-alias\n:4"), (["check", ""], ":0")]
)
def test_kubectl_completes_it(cluster: Cluster, words: list[str], found: str) -> None:
    done = kubectl(cluster, "__complete", "stash-admission", *words)
    assert done.returncode == 0, done.stderr
    assert found in done.stdout


def test_kubectl_lists_it(cluster: Cluster) -> None:
    done = kubectl(cluster, "plugin", "list", "--name-only")
    assert "kubectl-stash_admission" in done.stdout.splitlines()
