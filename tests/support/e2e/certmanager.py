"""A stand-in for cert-manager: as much of its API, its controller and its CA injector as one installation uses."""

from __future__ import annotations

import base64
import contextlib
import datetime
import json
import threading
from collections.abc import Iterator
from typing import Any, Self

import httpx
from cryptography.x509.oid import NameOID

from certs import pem
from testbed.control_plane.cluster import Cluster
from testbed.control_plane.installation import definition
from testbed.patience import PATIENCE
from tests.support.e2e.certmanager_issuing import issue

Document = dict[str, Any]
CMCTL = """\
#!/bin/sh
# `cmctl renew -n NAMESPACE NAME`, which asks the controller to issue once more.
test "$1 $2" = "renew -n" || exit 2
exec kubectl patch certificate "$4" -n "$3" --subresource=status --type=merge \\
  -p '{"status": {"conditions": [{"type": "Issuing", "status": "True", "reason": "ManuallyTriggered"}]}}'
"""
"""Stands in for the program of that name."""
_KINDS = {
    "mutatingwebhookconfigurations": "MutatingWebhookConfiguration",
    "validatingwebhookconfigurations": "ValidatingWebhookConfiguration",
}


class NotNowError(Exception):
    """The API server asks to try again, as it does while it takes up a CRD."""


def definitions() -> list[Document]:
    """Its two kinds, typed as far as they are used."""
    text, flag = {"type": "string"}, {"type": "boolean"}
    reference = {"type": "object", "required": ["name"], "properties": dict.fromkeys(("name", "kind", "group"), text)}
    usages = ["signing", "digital signature", "key encipherment", "cert sign", "server auth", "client auth"]
    private_key = {
        "type": "object",
        "properties": {
            "algorithm": {"type": "string", "enum": ["RSA", "ECDSA", "Ed25519"]},
            "size": {"type": "integer"},
            "rotationPolicy": {"type": "string", "enum": ["Never", "Always"]},
        },
    }
    certificate = {
        "type": "object",
        "required": ["secretName", "issuerRef"],
        "properties": {
            **dict.fromkeys(("secretName", "commonName", "duration", "renewBefore"), text),
            "isCA": flag,
            "dnsNames": {"type": "array", "items": text},
            "usages": {"type": "array", "items": {"type": "string", "enum": usages}},
            "privateKey": private_key,
            "issuerRef": reference,
        },
    }
    ca = {"type": "object", "required": ["secretName"], "properties": {"secretName": text}}
    issuer = {"type": "object", "properties": {"selfSigned": {"type": "object"}, "ca": ca}}
    condition = {"type": "object", "properties": dict.fromkeys(("type", "status", "reason", "message"), text)}
    status = {"type": "object", "properties": {"conditions": {"type": "array", "items": condition}}}
    kinds = {"Certificate": ("certificates", certificate), "Issuer": ("issuers", issuer)}
    return [
        definition("cert-manager.io", "v1", kind, plural, {"properties": {"spec": spec, "status": status}})
        for kind, (plural, spec) in kinds.items()
    ]


@contextlib.contextmanager
def cert_manager(cluster: Cluster, namespace: str) -> Iterator[None]:
    """It runs in the background, for one namespace. What it could not do is raised at the end."""
    stop, failures = threading.Event(), list[BaseException]()

    def work() -> None:
        try:
            with CertManager(cluster, namespace) as manager:
                while not stop.wait(0.2):
                    with contextlib.suppress(NotNowError):
                        manager.reconcile()
        except BaseException as error:  # noqa: BLE001 -- raised below, in the test's own thread
            failures.append(error)

    thread = threading.Thread(target=work)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()
        if failures:
            raise failures[0]


class CertManager:
    """Looks at everything in its namespace, and does what is to be done."""

    def __init__(self, cluster: Cluster, namespace: str) -> None:
        context = cluster.credentials.client_context()
        self._client = httpx.Client(base_url=cluster.server, verify=context, trust_env=False, timeout=PATIENCE)
        self._certificates = f"/apis/cert-manager.io/v1/namespaces/{namespace}/certificates"
        self._issuers = f"/apis/cert-manager.io/v1/namespaces/{namespace}/issuers"
        self._secrets = f"/api/v1/namespaces/{namespace}/secrets"
        self._namespace = namespace

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._client.close()

    def reconcile(self) -> None:
        """Issue what is missing, not as its Certificate says, or asked for; then inject what was issued."""
        certificates = self._get(self._certificates)["items"]
        for certificate in certificates:
            if self._is_due(certificate):
                self._issue(certificate)
        for kind in _KINDS:
            for configuration in self._get(f"/apis/admissionregistration.k8s.io/v1/{kind}")["items"]:
                self._inject(kind, configuration, certificates)

    def _is_due(self, certificate: Document) -> bool:
        name, spec = certificate["metadata"]["name"], certificate["spec"]
        conditions = {each["type"]: each["status"] for each in certificate.get("status", {}).get("conditions", [])}
        secret = self._secret(spec["secretName"])
        if secret is None or conditions.get("Issuing") == "True" or _owner(secret) not in (None, name):
            return True
        # Of a pair that somebody else has made, only the names are compared: one that fits is taken over as it is.
        leaf = pem.certificates(_data(secret)["tls.crt"])[0]
        subject = {str(each.value) for each in leaf.subject.get_attributes_for_oid(NameOID.COMMON_NAME)}
        wanted = {*spec.get("dnsNames", []), *([spec["commonName"]] if "commonName" in spec else [])}
        return {*pem.names(leaf), *subject} != wanted

    def _issue(self, certificate: Document) -> None:
        spec, name = certificate["spec"], certificate["metadata"]["name"]
        issuer = self._find(f"{self._issuers}/{spec['issuerRef']['name']}")
        names_ca = issuer is not None and "ca" in issuer["spec"]
        ca = self._secret(issuer["spec"]["ca"]["secretName"]) if issuer and names_ca else None
        if issuer is None or (names_ca and ca is None):
            return  # until there is one
        before = self._secret(spec["secretName"])
        data = issue(spec, _data(before) if before else {}, _data(ca) if ca else None)
        annotations = {
            "alt-names": ",".join(spec.get("dnsNames", [])),
            "certificate-name": name,
            "common-name": spec.get("commonName", ""),
            "ip-sans": "",
            "issuer-group": "cert-manager.io",
            "issuer-kind": "Issuer",
            "issuer-name": spec["issuerRef"]["name"],
            "uri-sans": "",
        }
        metadata = {
            "name": spec["secretName"],
            "labels": {"controller.cert-manager.io/fao": "true"},
            "annotations": {f"cert-manager.io/{key}": value for key, value in annotations.items()},
        }
        encoded = {file: base64.b64encode(content).decode() for file, content in data.items()}
        secret = {"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "type": "kubernetes.io/tls"}
        path = f"{self._secrets}/{spec['secretName']}"
        self._apply(path, {**secret, "data": encoded}, "cert-manager-certificates-issuing")
        ready = {"type": "Ready", "status": "True", "reason": "Ready", "message": "Certificate is up to date"}
        status = {"status": {"conditions": [ready]}}
        self._patch(f"{self._certificates}/{name}/status", status, "application/merge-patch+json")

    def _inject(self, kind: str, configuration: Document, certificates: list[Document]) -> None:
        """Merge the CA of the Certificate that the annotation names into each `caBundle`, as cert-manager 1.19 does."""
        wanted = configuration["metadata"].get("annotations", {}).get("cert-manager.io/inject-ca-from", "")
        for certificate in certificates:
            name = certificate["metadata"]["name"]
            secret = self._secret(certificate["spec"]["secretName"])
            if wanted != f"{self._namespace}/{name}" or secret is None or _owner(secret) != name:
                continue
            bundles = {each["name"]: each["clientConfig"].get("caBundle", "") for each in configuration["webhooks"]}
            merged = {webhook: _merged(bundle, _data(secret)["ca.crt"]) for webhook, bundle in bundles.items()}
            if merged != bundles:
                fields = {
                    "apiVersion": "admissionregistration.k8s.io/v1",
                    "kind": _KINDS[kind],
                    "metadata": {"name": configuration["metadata"]["name"]},
                    "webhooks": [{"name": each, "clientConfig": {"caBundle": merged[each]}} for each in merged],
                }
                path = f"/apis/admissionregistration.k8s.io/v1/{kind}/{configuration['metadata']['name']}"
                self._apply(path, fields, "cert-manager-cainjector")

    def _secret(self, name: str) -> Document | None:
        return self._find(f"{self._secrets}/{name}")

    def _find(self, path: str) -> Document | None:
        response = self._client.get(path)
        return None if response.status_code == 404 else _body(response)

    def _get(self, path: str) -> Document:
        return _body(self._client.get(path))

    def _apply(self, path: str, fields: Document, manager: str) -> None:
        self._patch(f"{path}?fieldManager={manager}&force=true", fields, "application/apply-patch+yaml")

    def _patch(self, path: str, fields: Document, content_type: str) -> None:
        response = self._client.patch(path, content=json.dumps(fields), headers={"Content-Type": content_type})
        if response.status_code != 404:  # it may have been deleted since we looked
            _body(response)


def _merged(bundle: str, additional: bytes) -> str:
    now = datetime.datetime.now(datetime.UTC)
    known = [each for each in pem.certificates(base64.b64decode(bundle)) if each.not_valid_after_utc >= now]
    return base64.b64encode(pem.text(dict.fromkeys([*known, *pem.certificates(additional)]))).decode()


def _owner(secret: Document) -> str | None:
    """The Certificate that a Secret was issued for."""
    name = secret["metadata"].get("annotations", {}).get("cert-manager.io/certificate-name")
    return None if name is None else str(name)


def _data(secret: Document) -> dict[str, bytes]:
    return {name: base64.b64decode(content) for name, content in secret["data"].items()}


def _body(response: httpx.Response) -> Document:
    if response.status_code == 429:
        raise NotNowError
    assert response.is_success, response.text
    body: Document = response.json()
    return body
