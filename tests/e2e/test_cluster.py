"""The ground that the other end-to-end tests stand on: what holds before any webhook of ours."""

from __future__ import annotations

import base64
import json
import ssl
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import trustme

from testbed.control_plane.cluster import Cluster
from testbed.patience import eventually
from tests.support.e2e.standin import Answer, Call, standing_in


@dataclass
class Refuser:
    """A webhook that refuses everything and remembers how it was called."""

    port: int
    called_as: list[str | None]
    calls: list[Call]


@pytest.fixture
def ca() -> trustme.CA:
    """The CA that a webhook registration states as its `caBundle`."""
    return trustme.CA()


@pytest.fixture
def refuser(ca: trustme.CA) -> Iterator[Refuser]:
    """A webhook whose certificate is for its Service's name alone, as in a cluster."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    ca.issue_cert("refuser.webhooks.svc").configure_cert(context)
    names: list[str | None] = []
    context.sni_callback = lambda _socket, name, _context: names.append(name)
    calls: list[Call] = []

    def refuse(call: Call) -> Answer:
        calls.append(call)
        return {"allowed": False, "status": {"message": "never"}}

    with standing_in(context, refuse) as port:
        yield Refuser(port, names, calls)


def test_the_server_is_of_a_current_release(cluster: Cluster) -> None:
    version = json.loads(cluster.kubectl("version", "-o", "json").stdout)["serverVersion"]
    assert (int(version["major"]), int(version["minor"])) >= (1, 33)
    assert version["gitVersion"].startswith(f"v{version['major']}.{version['minor']}.")


def test_a_namespace_can_be_created_and_enforces_pod_security(cluster: Cluster) -> None:
    label = {"pod-security.kubernetes.io/enforce": "restricted"}
    namespace = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "strict", "labels": label}}
    created = cluster.kubectl("create", "-f", "-", stdin=json.dumps(namespace))
    assert created.stdout == "namespace/strict created\n", created.stderr
    refused = cluster.kubectl("run", "pod", "--image=pod", "--privileged", "--namespace=strict")
    assert 'violates PodSecurity "restricted:latest"' in refused.stderr


def test_the_second_user_may_not_read_secrets(cluster: Cluster) -> None:
    refused = cluster.kubectl("get", "secrets", user="guest")
    assert refused.returncode == 1
    assert 'User "guest" cannot list resource "secrets"' in refused.stderr
    assert cluster.kubectl("get", "secrets").returncode == 0


def test_the_api_server_can_be_restarted_and_keeps_its_data(cluster: Cluster) -> None:
    cluster.kubectl("create", "configmap", "kept", "--from-literal=key=value")
    before = cluster.pids["kube-apiserver"]
    cluster.apiserver_stop()
    assert "kube-apiserver" not in cluster.pids
    assert "refused" in cluster.kubectl("get", "configmap", "kept").stderr
    cluster.apiserver_start()
    assert cluster.pids["kube-apiserver"] != before
    assert cluster.kubectl("get", "configmap", "kept", "-o", "jsonpath={.data.key}").stdout == "value"


def test_a_registration_by_service_reaches_a_server_on_loopback(
    cluster: Cluster, ca: trustme.CA, refuser: Refuser
) -> None:
    cluster.kubectl("create", "namespace", "webhooks")
    stand_in = ("create", "service", "externalname", "refuser", "--external-name=localhost", "-n", "webhooks")
    cluster.kubectl(*stand_in)
    service = {"name": "refuser", "namespace": "webhooks", "path": "/refuse", "port": refuser.port}
    bundle = base64.b64encode(ca.cert_pem.bytes()).decode()
    rule = {"apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE"], "resources": ["configmaps"]}
    webhook = {
        "name": "refuser.webhooks.svc",
        "clientConfig": {"service": service, "caBundle": bundle},
        "rules": [rule],
        "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "webhooks"}},
        "sideEffects": "None",
        "admissionReviewVersions": ["v1"],
    }
    configuration = {
        "apiVersion": "admissionregistration.k8s.io/v1",
        "kind": "ValidatingWebhookConfiguration",
        "metadata": {"name": "refuser"},
        "webhooks": [webhook],
    }
    created = cluster.kubectl("create", "-f", "-", stdin=json.dumps(configuration))
    assert created.returncode == 0, created.stderr
    try:
        refusal = refusal_once_active(cluster)
    finally:
        cluster.kubectl("delete", "validatingwebhookconfiguration", "refuser")
    assert 'admission webhook "refuser.webhooks.svc" denied the request: never' in refusal
    assert set(refuser.called_as) == {"refuser.webhooks.svc"}
    assert {call.line for call in refuser.calls} == {"POST /refuse?timeout=10s HTTP/1.1"}
    assert {call.agent for call in refuser.calls} == {"kube-apiserver-admission"}


def refusal_once_active(cluster: Cluster) -> str:
    """What kubectl prints for a refused ConfigMap; a registration is heeded a moment after it is stored."""

    def tried() -> str:
        return cluster.kubectl("create", "configmap", "any", "--dry-run=server", "--namespace=webhooks").stderr

    return eventually(tried, says=cluster.apiserver_log)


def test_stopping_leaves_neither_a_process_nor_a_file(cluster: Cluster) -> None:
    with Cluster(cluster.binaries) as other:
        folder, pids = other.folder, list(other.pids.values())
        assert len(pids) == 2
    assert not folder.exists()
    assert not [pid for pid in pids if Path(f"/proc/{pid}").exists()]
    assert set(cluster.pids) == {"etcd", "kube-apiserver"}
