"""The certificate that the server shows, read again when its files change."""

import asyncio
import datetime
import hashlib
import ssl
from pathlib import Path

from cryptography import x509

from app.telemetry import Telemetry

_CIPHERS = "ECDHE+AESGCM:ECDHE+CHACHA20"
"""For TLS 1.2; TLS 1.3 has authenticated encryption only."""
_EVERY = 2.0
"""Seconds between two looks at the files. A mounted Secret changes by a swapped link, which inotify does not see."""


class BadPair(Exception):
    """The files hold no pair that can serve. The message says why, and what to do."""


class ServingPair:
    """`tls.crt` and `tls.key` of a directory, behind one context that never changes.

    A new pair gets a context of its own, which takes over in new handshakes when it is known to be good: loading a pair
    that does not match into a context in use would break every handshake after it. Live connections go on as they are.
    """

    def __init__(self, directory: Path, telemetry: Telemetry) -> None:
        """Read the pair. Raises BadPair."""
        self._certificate, self._key = directory / "tls.crt", directory / "tls.key"
        self._telemetry = telemetry
        self._seen = self._digest()
        self._current, self._until = self._load()
        telemetry.certificate_not_after.set(self._until.timestamp())
        self.fault: str | None = None
        """Why the files cannot be used now, although an earlier pair is."""
        self.context = _context()
        self.context.load_cert_chain(self._certificate, self._key, password=_none)
        self.context.sni_callback = self._choose

    def _choose(self, connection: ssl.SSLObject, _name: str | None, _context: ssl.SSLContext) -> None:
        connection.context = self._current

    @property
    def expired(self) -> bool:
        """Whether the pair in use is not valid any more."""
        return datetime.datetime.now(datetime.UTC) >= self._until

    async def watch(self) -> None:
        """Look at the files until cancelled."""
        while True:
            await asyncio.sleep(_EVERY)
            self.refresh()

    def refresh(self) -> None:
        """Read the pair again if its files changed. One that is not good is told of, and the one in use stays."""
        digest = self._digest()
        if digest == self._seen:
            return
        self._seen = digest
        try:
            self._current, self._until = self._load()
        except BadPair as bad:
            self.fault = str(bad)
        else:
            self.fault = None
            self._telemetry.certificate_not_after.set(self._until.timestamp())
        self._telemetry.reloaded(self.fault, self._until)

    def _digest(self) -> bytes:
        digest = hashlib.sha256()
        for path in (self._certificate, self._key):
            try:
                digest.update(path.read_bytes())
            except OSError as error:
                digest.update(repr(error).encode())
            digest.update(b"\0")
        return digest.digest()

    def _load(self) -> tuple[ssl.SSLContext, datetime.datetime]:
        """A context with the pair, and until when it is valid. Raises BadPair."""
        names = f"{self._certificate} and {self._key}"
        context = _context()
        try:
            context.load_cert_chain(self._certificate, self._key, password=_none)
            until = x509.load_pem_x509_certificate(self._certificate.read_bytes()).not_valid_after_utc
        except FileNotFoundError:
            advice = f"`stash-certs issue --dir {self._certificate.parent} --dns localhost` makes a pair for local use"
            raise BadPair(f"there is no {names}: {advice}") from None
        except (OSError, ValueError) as error:
            reason = getattr(error, "reason", None) or getattr(error, "strerror", None) or "unreadable"
            raise BadPair(f"{names} are no certificate and its key: {reason}") from None
        if until <= datetime.datetime.now(datetime.UTC):
            raise BadPair(f"the certificate in {self._certificate} expired on {until:%Y-%m-%d %H:%M} UTC: renew it")
        return context, until


def _none() -> str:
    """The password of an encrypted key: without this, the terminal would be asked for it."""
    return ""


def _context() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_ciphers(_CIPHERS)
    context.set_alpn_protocols(["http/1.1"])
    return context
