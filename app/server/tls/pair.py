"""The certificate that the server shows: what makes a pair good, and the context to show it with."""

import datetime
import ssl
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from app.manifest.regular_file import content
from app.server.file_watcher import InvalidFile
from certs.trust import is_signed_by

CERTIFICATE, KEY, CA = "tls.crt", "tls.key", "ca.crt"
_CIPHERS = "ECDHE+AESGCM:ECDHE+CHACHA20"
"""For TLS 1.2; TLS 1.3 has authenticated encryption only."""


@dataclass(frozen=True)
class Pair:
    """A certificate with its key, as `tls.crt` and `tls.key` of a directory held them."""

    context: ssl.SSLContext
    """Shows it. It is never changed: loading a pair that does not match would break every handshake after it."""
    until: datetime.datetime
    """When the certificate ends to be valid."""
    ca: x509.Certificate | None
    """Which certificate of `ca.crt` the certificate is by, where there is one."""
    verifying: ssl.SSLContext
    """What a caller needs that trusts `ca.crt`; without that file, a caller that trusts this very certificate."""
    name: str | None
    """What such a caller calls the server; None: a certificate without any name."""
    doubt: str | None
    """Why such a caller would not accept the certificate."""

    @classmethod
    def read(cls, directory: Path, client_ca: str | None = None, name: str | None = None) -> Self:
        """The pair in a directory, for callers that call the server by a name. Raises InvalidFile.

        `client_ca`, in PEM: whose certificates callers are asked for.
        """
        certificate, key = directory / CERTIFICATE, directory / KEY
        context = _serving(client_ca)
        try:
            chain = x509.load_pem_x509_certificates(content(certificate))
            content(key)  # OpenSSL would wait for a pipe
            context.load_cert_chain(certificate, key, password=_none)
        except FileNotFoundError:
            advice = f"`stash-certs issue --dir {directory} --dns localhost` creates a pair for local use"
            raise InvalidFile(f"{certificate} and {key} do not exist: {advice}") from None
        except (OSError, ValueError) as error:
            reason = getattr(error, "reason", None) or getattr(error, "strerror", None) or "unreadable"
            raise InvalidFile(f"{certificate} and {key} are not a certificate and its key: {reason}") from None
        leaf = chain[0]
        _refuse_untimely(leaf, certificate)
        bundle = _bundle(directory / CA)
        verifying, name = _verifying(bundle or chain), name or _first_name(leaf)
        doubt = _doubt(context, verifying, name)
        ca = next((each for each in bundle if is_signed_by(chain[-1], each)), None)
        return cls(context, leaf.not_valid_after_utc, ca, verifying, name, doubt and f"{certificate}: {doubt}")

    @property
    def expired(self) -> bool:
        """Whether the certificate is not valid any more."""
        return datetime.datetime.now(datetime.UTC) >= self.until


def not_accepted(error: ssl.SSLError) -> str:
    """Why a caller does not accept a certificate, in words."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"the API server would not accept the certificate: {error.verify_message.rstrip('.')}"
    return f"the API server could not agree on TLS: {error.reason or 'no reason given'}"


def _refuse_untimely(leaf: x509.Certificate, path: Path) -> None:
    now = datetime.datetime.now(datetime.UTC)
    if leaf.not_valid_after_utc <= now:
        raise InvalidFile(
            f"the certificate in {path} expired on {leaf.not_valid_after_utc:%Y-%m-%d %H:%M} UTC: renew it"
        )
    if leaf.not_valid_before_utc > now:
        since = f"{leaf.not_valid_before_utc:%Y-%m-%d %H:%M} UTC"
        raise InvalidFile(f"the certificate in {path} is not valid before {since}: are the clocks right?")


def _bundle(path: Path) -> list[x509.Certificate]:
    try:
        return x509.load_pem_x509_certificates(content(path))
    except FileNotFoundError:
        return []
    except OSError as error:
        raise InvalidFile(f"cannot read {path}: {error.strerror}") from None
    except ValueError:
        raise InvalidFile(
            f"{path} contains no PEM certificates: write the CA's certificate there, or leave out the file"
        ) from None


def _first_name(leaf: x509.Certificate) -> str | None:
    """A name that the certificate is for."""
    try:
        names = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except (ValueError, x509.ExtensionNotFound):
        return None
    found = [*names.get_values_for_type(x509.DNSName), *map(str, names.get_values_for_type(x509.IPAddress))]
    return found[0].replace("*", "any") if found else None


def _doubt(serving: ssl.SSLContext, verifying: ssl.SSLContext, name: str | None) -> str | None:
    """What a handshake in memory shows: why a caller would not accept the certificate."""
    if name is None:
        return "the API server would not accept the certificate: it has no subjectAltName"
    asked, answered = ssl.MemoryBIO(), ssl.MemoryBIO()
    try:
        caller = verifying.wrap_bio(answered, asked, server_hostname=name)
    except ValueError:
        raise InvalidFile(
            f"{name!r} is not a valid host name: set --server-name to the name that the API server calls"
        ) from None
    server = serving.wrap_bio(asked, answered, server_side=True)
    for _ in range(10):
        for side in (caller, server):
            try:
                side.do_handshake()
            except ssl.SSLWantReadError:
                continue
            except ssl.SSLError as error:
                return not_accepted(error)
            if side is caller:
                return None
    return "the handshake does not complete"


def _verifying(bundle: list[x509.Certificate]) -> ssl.SSLContext:
    """What a Go program does that trusts a `caBundle`."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    # Go takes any certificate that it trusts as the end of a chain, and asks less of it than Python does by default.
    # But a name that is only the subject's is none to it.
    context.verify_flags = (context.verify_flags | ssl.VERIFY_X509_PARTIAL_CHAIN) & ~ssl.VERIFY_X509_STRICT
    context.hostname_checks_common_name = False
    context.load_verify_locations(cadata=b"".join(each.public_bytes(Encoding.DER) for each in bundle))
    return context


class _Session(ssl.SSLObject):
    """TLS of one connection. What it had still to say when it failed goes with the error: asyncio does not send it."""

    outgoing: ssl.MemoryBIO

    def do_handshake(self) -> None:
        try:
            super().do_handshake()
        except (ssl.SSLWantReadError, ssl.SSLWantWriteError):
            raise
        except ssl.SSLError as error:
            error.alert = self.outgoing.read()  # type: ignore[attr-defined]
            raise


class _Context(ssl.SSLContext):
    """A context whose sessions tell the other side why they failed."""

    sslobject_class = _Session

    def wrap_bio(self, incoming: ssl.MemoryBIO, outgoing: ssl.MemoryBIO, *args: Any, **options: Any) -> ssl.SSLObject:
        """A session."""
        session = super().wrap_bio(incoming, outgoing, *args, **options)
        session.outgoing = outgoing  # type: ignore[attr-defined]
        return session


def _serving(client_ca: str | None) -> ssl.SSLContext:
    context = _Context(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_ciphers(_CIPHERS)
    context.set_alpn_protocols(["http/1.1"])
    if client_ca is not None:
        # Not CERT_REQUIRED: who shows none gets an answer that says so, where TLS would only hang up.
        context.verify_mode = ssl.CERT_OPTIONAL
        context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
        context.load_verify_locations(cadata=client_ca)
        # A session that is resumed is not verified again, so its certificate may have expired. TLS 1.3 resumes none
        # without a ticket; of TLS 1.2 OpenSSL keeps sessions by their ids, which Python cannot switch off.
        context.minimum_version = ssl.TLSVersion.TLSv1_3
        context.options |= ssl.OP_NO_TICKET
        context.num_tickets = 0
    return context


def _none() -> str:
    """The password of an encrypted key: without this, the terminal would be asked for it."""
    return ""
