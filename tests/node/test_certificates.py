"""On two real nodes: the host's network, and from one mode of certificates to the next, as the pages have it."""

from __future__ import annotations

import shutil

import pytest

from testbed.node import configuration
from testbed.node.cluster import Nodes
from tests.node.results import Results
from tests.node.stream import Stream
from tests.node.terminal import ROOT, Terminal
from tests.support.e2e.page import commands

CERTIFICATES, OWN_SECRET = "install/certificates.md", "install/own-secret.md"


@pytest.fixture(scope="module")
def checkout(nodes: Nodes, terminal: Terminal, tmp_path_factory: pytest.TempPathFactory) -> Terminal:
    """Somebody in a copy of `manifests`, where the procedures leave files, with their two functions."""
    folder = tmp_path_factory.mktemp("checkout")
    shutil.copytree(ROOT / "manifests", folder / "manifests")
    it = Terminal(nodes, terminal.archives, folder)
    (functions,) = commands(CERTIFICATES, "Two shell functions")
    it.functions = functions.text
    return it


@pytest.fixture(scope="module")
def cert_manager(nodes: Nodes, terminal: Terminal) -> None:
    """cert-manager's controllers and its CA injector, as a program of the first node."""
    terminal.run(f"kubectl apply --server-side -f {nodes.programs / 'cert-manager-crds'}")
    terminal.run("kubectl wait --for=condition=Established crd --all --timeout=60s")
    nodes.daemon("node1", "cert-manager", configuration.cert_manager())


def follow(terminal: Terminal, page: str, *headings: str) -> None:
    """Run the commands under these headings. One that waits may print more than the page shows."""
    for each in (command for heading in headings for command in commands(page, heading)):
        assert each.output in terminal.run(each.text), each.text


def test_on_the_network_of_the_nodes_and_back(terminal: Terminal, stream: Stream, results: Results) -> None:
    with stream.during("to the network of the nodes") as phase:
        follow(terminal, "install/installation.md", "Where the control plane reaches no pods")
        terminal.rolled_out()
    assert phase.failed == []
    results.keep(phase)
    assert {each["status"]["podIP"] for each in terminal.pods()} == {"172.30.0.11", "172.30.0.12"}
    terminal.doctor()
    with stream.during("and back") as phase:
        said = terminal.run("kubectl apply -f manifests/install.yaml")
        terminal.rolled_out()
    assert 'violate the new PodSecurity enforce level "restricted' in said
    assert phase.failed == []
    results.keep(phase)


@pytest.mark.usefixtures("cert_manager")
def test_to_cert_manager(checkout: Terminal, stream: Stream, results: Results) -> None:
    with stream.during("from self-managed certificates to cert-manager") as phase:
        follow(checkout, CERTIFICATES, "Leave self-managed", "To cert-manager", "Clean up after self-managed")
    assert phase.failed == []
    results.keep(phase)
    assert_trusted_alone(checkout)


def test_to_a_secret_of_ones_own(checkout: Terminal, stream: Stream, results: Results) -> None:
    with stream.during("from cert-manager to a Secret of one's own") as phase:
        follow(checkout, OWN_SECRET, "The pair")
        follow(checkout, CERTIFICATES, "Leave cert-manager", "To a Secret of your own", "Clean up after cert-manager")
    assert phase.failed == []
    results.keep(phase)
    assert_trusted_alone(checkout)


def test_to_self_managed(checkout: Terminal, stream: Stream, results: Results) -> None:
    with stream.during("from a Secret of one's own to self-managed certificates") as phase:
        follow(checkout, CERTIFICATES, "Leave a Secret of your own", "To self-managed")
        checkout.registered()
    assert phase.failed == []
    results.keep(phase)
    checkout.doctor()


def assert_trusted_alone(terminal: Terminal) -> None:
    """Each webhook has one CA, which signed the certificate."""
    shown = terminal.run("stash-certs show")
    assert (shown.count(" CA "), shown.count("covers the certificate")) == (3, 3)
    terminal.doctor()
