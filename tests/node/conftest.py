"""The nodes, somebody at a terminal, and the stream, for one run in the order of the file."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from testbed.control_plane.gobuild import say
from testbed.node import images, place, programs, rootfs
from testbed.node.cluster import Nodes
from tests.node.release import another_release
from tests.node.results import RESULTS, Results
from tests.node.stream import Stream
from tests.node.terminal import ROOT, Terminal


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


@pytest.fixture(scope="session")
def results() -> Results:
    RESULTS.unlink(missing_ok=True)
    return Results()
