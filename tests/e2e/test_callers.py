"""The API server shows a client certificate to the webhooks, as docs/install/client-certificates.md sets it up."""

from __future__ import annotations

import json
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import trustme

from testbed.control_plane import binaries
from testbed.control_plane.cluster import Cluster
from testbed.control_plane.flags import free_ports
from testbed.control_plane.heeding import wait_until_heeded
from testbed.control_plane.installation import Installation, crds, define
from testbed.control_plane.objects import Objects
from testbed.documents import load
from tests.e2e.test_admission import batch

NAME = "kube-apiserver"
PAGE = Path(__file__).parents[2] / "docs" / "install" / "client-certificates.md"


@dataclass
class Asking:
    """A cluster whose API server has a client certificate, and what else is needed to ask for it."""

    cluster: Cluster
    installation: Installation
    objects: Objects
    client_ca: Path
    port: int


def block(title: str) -> str:
    """A file that the page shows."""
    text = PAGE.read_text().split(f"   `{title}`", 1)[1]
    return textwrap.dedent(text.split("```yaml\n", 1)[1].split("   ```", 1)[0])


@pytest.fixture(scope="module")
def asking(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Asking]:
    folder = tmp_path_factory.mktemp("callers")
    ca = trustme.CA()
    ca.cert_pem.write_to_path(str(folder / "client-ca.crt"))
    leaf = ca.issue_cert("apiserver.invalid", common_name=NAME)
    leaf.cert_chain_pems[0].write_to_path(str(folder / "webhook-client.crt"))
    leaf.private_key_pem.write_to_path(str(folder / "webhook-client.key"))
    (port,) = free_ports(1)
    configuration = block("admission.yaml").replace("/etc/kubernetes/admission", str(folder))
    (folder / "admission.yaml").write_text(configuration)
    kubeconfig = load(block("webhooks.kubeconfig").replace("/etc/kubernetes/admission", str(folder)))
    kubeconfig["users"][0]["name"] += f":{port}"  # the port of the Service, where it is not 443
    (folder / "webhooks.kubeconfig").write_text(json.dumps(kubeconfig))
    with Cluster(binaries.find_or_build(), f"--admission-control-config-file={folder / 'admission.yaml'}") as cluster:
        define(cluster, crds())
        objects = Objects(cluster)
        yield Asking(cluster, Installation(cluster, folder), objects, folder / "client-ca.crt", port)
        objects.close()


def test_who_is_asked_for_is_answered(asking: Asking, tmp_path: Path) -> None:
    flags = ["--port", str(asking.port), "--client-ca", str(asking.client_ca), "--client-name", NAME]
    with asking.installation.serving(tmp_path, *flags) as server:
        asking.installation.register(server.port)
        document = batch("default", "good")
        for member in document["spec"]["members"][:1]:
            del member["target"]["alias"]
        assert asking.objects.create(document).status == 201
        assert asking.objects.get(document)["spec"]["members"][0]["target"]["alias"]
        assert server.manage("/readyz").text == "ok\n"


def test_who_is_not_asked_for_reads_why(asking: Asking, tmp_path: Path) -> None:
    flags = ["--port", str(asking.port), "--client-ca", str(asking.client_ca), "--client-name", "somebody-else"]
    with asking.installation.serving(tmp_path, *flags):
        asking.installation.point_at(asking.port)
        wait_until_heeded(asking.cluster)
        reply = asking.objects.create(batch("default", "refused"))
        assert reply.status == 500
        assert 'failed calling webhook "mutate.admission.stash.appscode.com"' in reply.message
        assert f"the client certificate is for {NAME}" in reply.message


def test_who_shows_none_reads_what_to_do(cluster: Cluster, asking: Asking, tmp_path: Path) -> None:
    installation = Installation(cluster, tmp_path)
    with installation.serving(tmp_path, "--client-ca", str(asking.client_ca)) as server:
        define(cluster, crds())
        installation.point_at(server.port)
        try:
            wait_until_heeded(cluster)
            said = installation.probe()
        finally:
            installation.unregister()
    assert "a client certificate is required" in said
    assert "WebhookAdmissionConfiguration" in said
