"""Who may call, where not everybody may: holders of a client certificate."""

import datetime
import ssl
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from app.manifest.regular_file import content
from app.server.file_watcher import InvalidFile


@dataclass(frozen=True)
class ClientCA:
    """The CAs of client certificates."""

    text: str
    """In PEM."""
    until: datetime.datetime
    """When the last of them ends to be valid."""

    @classmethod
    def read(cls, path: Path) -> "ClientCA":
        """The CAs in a file. Raises InvalidFile."""
        try:
            found = x509.load_pem_x509_certificates(content(path))
            text = "".join(ssl.DER_cert_to_PEM_cert(each.public_bytes(Encoding.DER)) for each in found)
            ssl.create_default_context(cadata=text)
        except OSError as error:
            raise InvalidFile(f"cannot read the client CA {path}: {error.strerror or 'unusable'}") from None
        except ValueError:
            raise InvalidFile(f"{path} is not a client CA: it must contain PEM certificates and nothing else") from None
        until = max(each.not_valid_after_utc for each in found)
        if until <= datetime.datetime.now(datetime.UTC):
            raise InvalidFile(
                f"the client CA in {path} expired on {until:%Y-%m-%d %H:%M} UTC: replace it with a new one"
            )
        return cls(text, until)


@dataclass(frozen=True)
class ClientCertificatePolicy:
    """Who may call. That the certificate is by the client CA, the handshake has seen to."""

    names: Sequence[str]
    """Common names, DNS names or URIs, one of which the certificate must have; none: any will do."""

    def refusal(self, certificate: dict[str, Any] | None) -> str | None:
        """Why the holder of a certificate (as `ssl` describes it) may not call; None if they may."""
        if not certificate:
            return (
                "a client certificate is required, but the client presented none: set one in the kubeconfig that "
                "WebhookAdmissionConfiguration gives the API server"
            )
        subject = [value for part in certificate.get("subject", ()) for key, value in part if key == "commonName"]
        found = [*subject, *(value for kind, value in certificate.get("subjectAltName", ()) if kind in ("DNS", "URI"))]
        if self.names and not set(self.names) & set(found):
            return f"the client certificate is for {', '.join(found) or 'no name'}, which --client-name does not allow"
        return None
