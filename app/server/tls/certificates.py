"""The certificates in use: read again when their files change, and shown to new connections only if they are good."""

import asyncio
import ssl
from pathlib import Path

from app.server.file_watcher import InvalidFile, ReloadingFile
from app.server.observability.telemetry import CertificateTelemetry
from app.server.tls.client_auth import ClientCA
from app.server.tls.pair import CA, CERTIFICATE, KEY, Pair

_POLL_SECONDS = 2.0
"""Seconds between two looks at the files."""
_WAITING = (
    "the new client CA is not used before certificate and key are valid: clients are still verified by the former one"
)


class Certificates:
    """The serving pair, and whose certificates callers are asked for.

    Live connections go on as they are: what changes is the context of the next one.
    """

    def __init__(
        self, directory: Path, client_ca: Path | None, name: str | None, telemetry: CertificateTelemetry
    ) -> None:
        """Read them. Raises InvalidFile. `name` is what the API server calls the server."""
        self._directory, self._name, self._telemetry = directory, name, telemetry
        self._clients = ReloadingFile([client_ca], lambda _: ClientCA.read(client_ca)) if client_ca else None
        self._asked_for: ClientCA | None = None
        """What the pair in use asks callers for."""
        self._pair = ReloadingFile([directory / CERTIFICATE, directory / KEY, directory / CA], self._read)
        self.changed = asyncio.Event()
        """Set when another pair has taken over."""
        self._show()

    @property
    def pair(self) -> Pair:
        """The pair in use."""
        return self._pair.value

    @property
    def context(self) -> ssl.SSLContext:
        """The context of the next connection."""
        return self.pair.context

    @property
    def fault(self) -> str | None:
        """What is wrong with the files, although earlier ones are in use."""
        faults = [each.fault for each in (self._pair, self._clients) if each and each.fault]
        if self._clients and self._clients.value is not self._asked_for:
            faults.append(_WAITING)
        return "; ".join(faults) or None

    async def watch(self) -> None:
        """Look at the files until cancelled."""
        while True:
            await asyncio.sleep(_POLL_SECONDS)
            self.refresh()

    def refresh(self) -> None:
        """Look at the files now."""
        asks_others = self._clients is not None and self._clients.refresh()
        is_new = self._pair.refresh()
        if asks_others and not is_new:
            self._pair.reload()  # the same pair, asking callers for other certificates
        if self._clients and self._asked_for and asks_others:
            is_waiting = self._clients.value is not self._asked_for
            fault = self._clients.fault or (_WAITING if is_waiting else None)
            self._telemetry.reloaded("client-ca", fault, self._asked_for.until)
        if is_new:
            self._telemetry.reloaded("serving", self._pair.fault, self.pair.until)
        elif not asks_others:
            return
        self.changed.set()
        self._show()

    def _read(self, before: Pair | None) -> Pair:
        clients = self._clients.value if self._clients else None
        pair = Pair.read(self._directory, clients.text if clients else None, self._name)
        if pair.doubt and before and not before.doubt and not before.expired:
            raise InvalidFile(pair.doubt)
        self._asked_for = clients
        return pair

    def _show(self) -> None:
        self._telemetry.not_after("serving", self.pair.until)
        self._telemetry.not_after("ca", self.pair.ca.not_valid_after_utc if self.pair.ca else None)
        if self._asked_for:
            self._telemetry.not_after("client-ca", self._asked_for.until)
