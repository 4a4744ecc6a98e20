"""The certificates in use: read again when their files change, and shown to new connections only if they are good."""

import asyncio
import ssl
from pathlib import Path

from app.callers import ClientCA
from app.telemetry import Telemetry
from app.tls import CA, CERTIFICATE, KEY, Pair
from app.watched import Unusable, Watched

_EVERY = 2.0
"""Seconds between two looks at the files."""


class Certificates:
    """The serving pair, and whose certificates callers are asked for.

    Live connections go on as they are: what changes is the context of the next one.
    """

    def __init__(self, directory: Path, client_ca: Path | None, name: str | None, telemetry: Telemetry) -> None:
        """Read them. Raises Unusable. `name` is what the API server calls the server."""
        self._directory, self._name, self._telemetry = directory, name, telemetry
        self._clients = Watched([client_ca], lambda: ClientCA.read(client_ca)) if client_ca else None
        self._pair: Watched[Pair] | None = None
        self._pair = Watched([directory / CERTIFICATE, directory / KEY, directory / CA], self._read)
        self.changed = asyncio.Event()
        """Set when another pair has taken over."""
        self._show()

    @property
    def pair(self) -> Pair:
        """The pair in use."""
        assert self._pair  # noqa: S101 -- for the type checker: it is None only while it is read for the first time
        return self._pair.value

    @property
    def context(self) -> ssl.SSLContext:
        """The context of the next connection."""
        return self.pair.context

    @property
    def fault(self) -> str | None:
        """What is wrong with the files, although earlier ones are in use."""
        assert self._pair  # noqa: S101 -- as above
        faults = [each.fault for each in (self._pair, self._clients) if each and each.fault]
        return "; ".join(faults) or None

    async def watch(self) -> None:
        """Look at the files until cancelled."""
        while True:
            await asyncio.sleep(_EVERY)
            self.refresh()

    def refresh(self) -> None:
        """Look at the files now."""
        assert self._pair  # noqa: S101 -- as above
        asked_others = False
        if self._clients and self._clients.refresh():
            asked_others = self._clients.fault is None
            self._telemetry.reloaded("client-ca", self._clients.fault, self._clients.value.until)
        if self._pair.refresh():
            self._telemetry.reloaded("serving", self._pair.fault, self.pair.until)
        elif asked_others:
            self._pair.reload()  # the same pair, asking callers for other certificates
        else:
            return
        self.changed.set()
        self._show()

    def _read(self) -> Pair:
        clients = self._clients.value.text if self._clients else None
        pair = Pair.read(self._directory, clients, self._name)
        if pair.doubt and self._pair and not self.pair.doubt and not self.pair.expired:
            raise Unusable(pair.doubt)
        return pair

    def _show(self) -> None:
        self._telemetry.not_after("serving", self.pair.until)
        if self.pair.ca:
            self._telemetry.not_after("ca", self.pair.ca.not_valid_after_utc)
        if self._clients:
            self._telemetry.not_after("client-ca", self._clients.value.until)
