"""docs/operate/configuration.md, followed on a real API server, with the ConfigMap mounted as the kubelet does it."""

from __future__ import annotations

import json
import os
import re
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from app.admission.levels_file import CONTENT
from testbed.control_plane import binaries
from testbed.control_plane.cluster import Cluster
from testbed.control_plane.installation import NAME, Installation, crds, define
from testbed.patience import PATIENCE, eventually
from testbed.server import Running
from tests.support.e2e.page import commands
from tests.support.e2e.replica import mount

ROOT = Path(__file__).parents[2]
HEADING = "Set a rule to warn in one namespace"
SAMPLE = "manifests/samples/unique-alias.yaml"
_NEEDS_PODS = re.compile(r"kubectl .*\b(exec|logs|annotate pods)\b")


@dataclass
class Reader:
    """Somebody in a checkout with kubectl, and a replica that gets the ConfigMap within a moment."""

    cluster: Cluster
    server: Running
    mounted: Path
    mounts: int = field(default=0)

    def run(self, command: str) -> subprocess.CompletedProcess[str]:
        """Run a command line, and let the kubelet do its work afterwards."""
        environment = {
            "PATH": f"{self.cluster.binaries}{os.pathsep}{os.environ['PATH']}",
            "HOME": str(self.mounted.parent),
            "KUBECONFIG": str(self.cluster.credentials.kubeconfig("admin")),
        }
        done = subprocess.run(
            ["bash", "-o", "pipefail", "-c", command],
            cwd=ROOT,
            env=environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=PATIENCE,
            check=False,
        )
        self.follow()
        return done

    def follow(self) -> None:
        """Mount what the ConfigMap holds, if that is news, and wait until the server has read it."""
        done = self.cluster.kubectl("get", "configmap", NAME, "-n", NAME, "--ignore-not-found", "-o", "json")
        assert done.returncode == 0, done.stderr
        wanted = json.loads(done.stdout)["data"] if done.stdout else {}
        there = {path.name: path.read_text() for path in self.mounted.iterdir() if path.name == CONTENT}
        if wanted == there:
            return
        reloads = self.reloads()
        self.mounts += 1
        mount(self.mounted, {name: text.encode() for name, text in wanted.items()}, self.mounts)
        for name in there.keys() - wanted.keys():
            (self.mounted / name).unlink()
        eventually(lambda: self.reloads() != reloads, says=lambda: self.server.manage("/readyz").text)

    def reloads(self) -> float:
        """How often the server has read a changed file."""
        return sum(
            v for (name, _), v in self.server.metrics().items() if name == "stash_admission_config_reloads_total"
        )


@pytest.fixture
def reader(tmp_path: Path) -> Iterator[Reader]:
    mounted = tmp_path / "config"
    mounted.mkdir()
    with Cluster(binaries.find_or_build()) as cluster:
        define(cluster, crds())
        assert cluster.kubectl("create", "namespace", "demo").returncode == 0
        installation = Installation(cluster, tmp_path)
        with installation.serving(tmp_path, "--config", str(mounted)) as server:
            installation.register(server.port)
            yield Reader(cluster, server, mounted)


def test_a_rule_is_set_to_warn_and_back_as_the_page_says(reader: Reader) -> None:
    refused = reader.run(f"kubectl apply -f {SAMPLE}")
    assert refused.returncode == 1
    assert "(unique-alias)" in refused.stderr
    followed = [each for each in commands("operate/configuration.md", HEADING) if each.text.startswith("kubectl")]
    for each in followed:
        if not _NEEDS_PODS.match(each.text):
            done = reader.run(each.text)
            assert done.returncode == 0, done.stderr
            assert done.stderr + done.stdout == each.output, each.text
    assert reader.reloads() == 2
    assert reader.run(f"kubectl delete -f {SAMPLE}").returncode == 0
    assert "(unique-alias)" in reader.run(f"kubectl apply -f {SAMPLE}").stderr


def test_what_the_readme_says_sets_a_rule_to_warn_too(reader: Reader) -> None:
    (command,) = commands("../README.md", "Configure it")
    assert "(valid-duration)" in reader.run("kubectl apply -f manifests/samples/valid-duration.yaml").stderr
    done = reader.run(command.text)
    assert done.returncode == 0, done.stderr
    done = reader.run(command.text.replace("duration: warn", "duration: enforce"))
    assert (done.stdout, done.stderr) == (f"configmap/{NAME} configured\n", ""), "the same command changes it"
    done = reader.run(command.text)
    assert done.returncode == 0, done.stderr
    done = reader.run("kubectl apply -f manifests/samples/valid-duration.yaml")
    assert done.returncode == 0, done.stderr
    assert done.stderr.startswith("Warning: ")
    assert "(valid-duration)" in done.stderr


def test_a_file_that_is_wrong_changes_nothing_in_the_cluster(reader: Reader) -> None:
    for text in ("rules: {unique-alias: warn, unique-host: warn}", "rules: {unique-alias: off, unique-hots: off}"):
        made = f"create configmap {NAME} --from-literal='{CONTENT}={text}' --dry-run=client -o yaml"
        assert reader.run(f"kubectl -n {NAME} {made} | kubectl apply -f -").returncode == 0
    assert "rules.unique-hots" in reader.server.manage("/readyz").text
    done = reader.run(f"kubectl apply -f {SAMPLE}")
    assert done.returncode == 0, done.stderr
    assert "(unique-alias)" in done.stderr, "neither refused, as by default, nor silent, as the wrong file says"
