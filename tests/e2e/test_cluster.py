"""The ground that the other end-to-end tests stand on: what holds before any webhook of ours."""

from __future__ import annotations

import base64
import json
import ssl
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import trustme

from tests.e2e.cluster import Cluster


@dataclass
class Refuser:
    """A webhook over TLS on loopback that refuses everything and remembers how it was called."""

    certificate: ssl.SSLContext
    called_as: list[str | None] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)
    port: int = 0

    def serve(self) -> Iterator[Refuser]:
        """Serve until the iterator is resumed."""
        self.certificate.sni_callback = lambda _socket, name, _context: self.called_as.append(name)
        refuser = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                refuser.requests.append(f"{self.requestline} ({self.headers['User-Agent']})")
                review = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                answer = {"uid": review["request"]["uid"], "allowed": False, "status": {"message": "never"}}
                body = json.dumps({**review, "request": None, "response": answer}).encode()
                self.send_response(200)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 -- the base class names it so
                """Keep the test's output clean."""

        with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
            wrap = self.certificate.wrap_socket
            # Without the handshake, which would block the thread that accepts.
            server.socket = wrap(server.socket, server_side=True, do_handshake_on_connect=False)
            self.port = server.server_address[1]
            thread = threading.Thread(target=server.serve_forever)
            thread.start()
            try:
                yield self
            finally:
                server.shutdown()
                thread.join()


@pytest.fixture
def ca() -> trustme.CA:
    """The CA that a webhook registration states as its `caBundle`."""
    return trustme.CA()


@pytest.fixture
def refuser(ca: trustme.CA) -> Iterator[Refuser]:
    """A webhook whose certificate is for its Service's name alone, as in a cluster."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    ca.issue_cert("refuser.webhooks.svc").configure_cert(context)
    yield from Refuser(context).serve()


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
    assert set(refuser.requests) == {"POST /refuse?timeout=10s HTTP/1.1 (kube-apiserver-admission)"}


def refusal_once_active(cluster: Cluster, seconds: float = 20) -> str:
    """What kubectl prints for a refused ConfigMap; a registration is heeded a moment after it is stored."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        answer = cluster.kubectl("create", "configmap", f"map-{time.monotonic_ns()}", "--namespace=webhooks")
        if answer.returncode != 0:
            return answer.stderr
        time.sleep(0.2)
    pytest.fail(f"the webhook was not called within {seconds} s:\n{cluster.apiserver_log()}")


def test_stopping_leaves_neither_a_process_nor_a_file(cluster: Cluster) -> None:
    with Cluster(cluster.binaries) as other:
        folder, pids = other.folder, list(other.pids.values())
        assert len(pids) == 2
    assert not folder.exists()
    assert not [pid for pid in pids if Path(f"/proc/{pid}").exists()]
    assert set(cluster.pids) == {"etcd", "kube-apiserver"}
