"""What the API server and its users prove themselves with: certificates, tokens, kubeconfigs.

Two users: the admin (`system:masters`) passes every authorization check, and so shows nothing about RBAC.
"""

from __future__ import annotations

import json
import ssl
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import trustme

ADMIN = "admin"
#: The second user: known to the API server by a token, bound to no role.
GUEST = "guest"
_GUEST_TOKEN = "guest-token"  # noqa: S105 -- of a server on loopback that lives for one test run


@dataclass(frozen=True, slots=True)
class Credentials:
    """Files below `folder`; all of them are of one throw-away CA."""

    folder: Path

    @property
    def ca(self) -> Path:
        """The CA's certificate; it signs the serving certificate and the clients' alike."""
        return self.folder / "ca.pem"

    @property
    def tokens(self) -> Path:
        """The static token file (`--token-auth-file`)."""
        return self.folder / "tokens.csv"

    def certificate(self, name: str) -> Path:
        """The certificate of `serving` or of a user."""
        return self.folder / f"{name}.pem"

    def key(self, name: str) -> Path:
        """The private key of `serving`, of a user, or of `service-accounts` (which signs their tokens)."""
        return self.folder / f"{name}.key"

    def kubeconfig(self, user: str) -> Path:
        """The kubeconfig of a user; KeyError for one that does not exist."""
        if user not in (ADMIN, GUEST):
            raise KeyError(f"no user {user!r}: there are {ADMIN!r} and {GUEST!r}")
        return self.folder / f"{user}.kubeconfig"

    def client_context(self) -> ssl.SSLContext:
        """How the admin connects: trusts our CA, shows the admin's certificate."""
        context = ssl.create_default_context(cafile=str(self.ca))
        context.load_cert_chain(self.certificate(ADMIN), self.key(ADMIN))
        return context

    @classmethod
    def write(cls, folder: Path, server: str) -> Credentials:
        """Make all of them in `folder` (created, for us alone) for the API server at the URL `server`."""
        folder.mkdir(mode=0o700)
        made = cls(folder)
        ca = trustme.CA()
        ca.cert_pem.write_to_path(str(made.ca))
        leaves = {
            "serving": ca.issue_cert("127.0.0.1", "localhost", "kubernetes.default.svc"),
            "service-accounts": ca.issue_cert("service-accounts.invalid"),
            # Named by a host too: trustme marks the alternative names critical, and Go refuses an empty list.
            ADMIN: ca.issue_cert("admin.invalid", common_name=ADMIN, organization_name="system:masters"),
        }
        for name, leaf in leaves.items():
            leaf.cert_chain_pems[0].write_to_path(str(made.certificate(name)))
            leaf.private_key_pem.write_to_path(str(made.key(name)))
        made.tokens.write_text(f"{_GUEST_TOKEN},{GUEST},{GUEST}\n")
        admin = {"client-certificate": str(made.certificate(ADMIN)), "client-key": str(made.key(ADMIN))}
        for user, proof in ((ADMIN, admin), (GUEST, {"token": _GUEST_TOKEN})):
            made.kubeconfig(user).write_text(json.dumps(_kubeconfig(server, made.ca, user, proof)))
        return made


def _kubeconfig(server: str, ca: Path, user: str, proof: dict[str, str]) -> dict[str, Any]:
    """A kubeconfig, as JSON is YAML too. It names files: of embedded data the Python client makes its own."""
    return {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "e2e", "cluster": {"server": server, "certificate-authority": str(ca)}}],
        "users": [{"name": user, "user": proof}],
        "contexts": [{"name": "e2e", "context": {"cluster": "e2e", "user": user}}],
        "current-context": "e2e",
    }
