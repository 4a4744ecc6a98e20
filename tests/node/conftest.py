"""The nodes, somebody at a terminal, and the stream, for one run in the order of the file."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from testbed.control_plane.gobuild import say
from testbed.node import images, place, programs, rootfs
from testbed.node.cluster import Nodes
from tests.node.release import another_release
from tests.node.stream import Phase, Stream
from tests.support.e2e.page import Command

ROOT = Path(__file__).parents[2]
NAME = "stash-admission"
RESULTS = place.cache() / "results.json"


class Terminal:
    """Somebody with a checkout, whose kubeconfig leads to the nodes."""

    def __init__(self, nodes: Nodes, archives: dict[str, Path]) -> None:
        self.nodes, self.archives = nodes, archives
        path = f"{nodes.programs}{os.pathsep}{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
        self._environment = {
            "PATH": path,
            "HOME": str(nodes.folder),
            "KUBECONFIG": str(nodes.kubeconfig),
            "COLUMNS": "200",
        }

    def run(self, text: str, code: int = 0) -> str:
        """What a command prints, which ends so."""
        done = subprocess.run(
            ["bash", "-c", f"set -o pipefail\n{text}"], cwd=ROOT, env=self._environment, stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=400, check=False,
        )  # fmt: skip
        assert done.returncode == code, f"$ {text}\n{done.stdout}"
        return done.stdout

    def follow(self, *commands: Command) -> None:
        """Run commands of a page, each of which prints what is shown, to the byte."""
        for each in commands:
            refused = "is invalid" in each.output
            printed = self.run(each.text, code=1 if refused else 0)
            if each.output:
                assert printed == each.output, f"$ {each.text}"

    def pods(self, selector: str = "app.kubernetes.io/component=webhook") -> list[Any]:
        """The pods of ours that are not on their way out."""
        found = json.loads(self.run(f"kubectl -n {NAME} get pods -l {selector} -o json"))["items"]
        return [each for each in found if "deletionTimestamp" not in each["metadata"]]

    def rolled_out(self) -> None:
        self.run(f"kubectl -n {NAME} rollout status deployment/{NAME} --timeout=300s")

    def load(self, release: str) -> None:
        for node in self.nodes.nodes:
            self.nodes.load(node, self.archives[release])


@pytest.fixture(scope="session")
def archives() -> dict[str, Path]:
    """The image of this checkout, and of the same as another release."""
    base, root = rootfs.find_or_build()
    built = programs.find_or_build()
    work = place.cache() / "images"
    say("building the image by the Dockerfile, as two releases")
    found = {"0.1.0": images.build(root, base, built, work, "0.1.0")}
    with another_release(ROOT, "0.2.0") as checkout:
        found["0.2.0"] = images.build(root, base, built, work, "0.2.0", checkout)
    return found


@pytest.fixture(scope="session")
def nodes(archives: dict[str, Path], pytestconfig: pytest.Config) -> Iterator[Nodes]:
    _, root = rootfs.find_or_build()
    pause = archives["0.1.0"].with_name("pause.tar")
    capture = pytestconfig.pluginmanager.getplugin("capturemanager")
    assert capture
    with ExitStack() as stack:
        with capture.global_and_fixture_disabled():
            started = stack.enter_context(Nodes(root, programs.find_or_build(), [pause], say))
        yield started


@pytest.fixture(scope="session")
def terminal(nodes: Nodes, archives: dict[str, Path]) -> Terminal:
    it = Terminal(nodes, archives)
    it.run("kubectl apply -f manifests/crds && kubectl wait --for=condition=Established crd --all --timeout=60s")
    it.run("kubectl create namespace stream")
    return it


@pytest.fixture(scope="session")
def stream(nodes: Nodes, terminal: Terminal) -> Iterator[Stream]:  # noqa: ARG001
    text = nodes.kubeconfig.read_text()
    port = re.search(r"127\.0\.0\.1:(\d+)", text)
    assert port
    it = Stream(int(port[1]), nodes.pki)
    it.start()
    yield it
    it.stop()


class Results:
    """What the page is written from."""

    def __init__(self) -> None:
        self.rows: list[dict[str, Any]] = []
        self.figures: dict[str, float | str] = {}

    def keep(self, phase: Phase) -> None:
        self.rows.append(phase.row())
        RESULTS.write_text(json.dumps({"rows": self.rows, "figures": self.figures}, indent=1))


@pytest.fixture(scope="session")
def results() -> Results:
    RESULTS.unlink(missing_ok=True)
    return Results()
