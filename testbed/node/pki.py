"""The certificates of the cluster's parts, and their kubeconfigs."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import trustme

PARTS = {
    "admin": ("admin", "system:masters"),
    "controller-manager": ("system:kube-controller-manager", None),
    "scheduler": ("system:kube-scheduler", None),
    "proxy": ("system:kube-proxy", None),
    "policies": ("policies", "system:masters"),
    "apiserver-kubelet": ("apiserver-kubelet", "system:masters"),
}


def write(folder: Path, server: str, nodes: dict[str, str]) -> None:
    """Make a CA, and all that it signs, for an API server at an address and for nodes by name."""
    folder.mkdir(parents=True)
    ca = trustme.CA()
    ca.cert_pem.write_to_path(str(folder / "ca.crt"))
    ca.private_key_pem.write_to_path(str(folder / "ca.key"))
    names = (
        "kubernetes",
        "kubernetes.default",
        "kubernetes.default.svc",
        "localhost",
        "10.96.0.1",
        "127.0.0.1",
        server,
    )
    _leaf(folder, "apiserver", ca.issue_cert(*names, common_name="kube-apiserver"))
    for part, (user, group) in PARTS.items():
        _leaf(folder, part, ca.issue_cert(f"{part}.invalid", common_name=user, organization_name=group))
    for name, address in nodes.items():
        leaf = ca.issue_cert(name, address, common_name=f"system:node:{name}", organization_name="system:nodes")
        _leaf(folder, name, leaf)
    for each in (*PARTS, *nodes):
        kubeconfig(folder, each, f"https://{server}:6443", "/pki")
    command = ["openssl", "genrsa", "-out", str(folder / "accounts.key"), "2048"]
    subprocess.run(command, capture_output=True, check=True)


def kubeconfig(folder: Path, user: str, server: str, seen_as: str, name: str | None = None) -> Path:
    """A kubeconfig beside the certificates, whose folder its reader sees as `seen_as`."""
    file = folder / f"{name or user}.kubeconfig"
    proof = {"client-certificate": f"{seen_as}/{user}.crt", "client-key": f"{seen_as}/{user}.key"}
    document = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "node", "cluster": {"server": server, "certificate-authority": f"{seen_as}/ca.crt"}}],
        "users": [{"name": user, "user": proof}],
        "contexts": [{"name": "node", "context": {"cluster": "node", "user": user}}],
        "current-context": "node",
    }
    file.write_text(json.dumps(document))
    return file


def _leaf(folder: Path, name: str, leaf: trustme.LeafCert) -> None:
    leaf.cert_chain_pems[0].write_to_path(str(folder / f"{name}.crt"))
    leaf.private_key_pem.write_to_path(str(folder / f"{name}.key"))
