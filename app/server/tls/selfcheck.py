"""What the API server does before it sends a call: a TLS handshake with the server's own endpoint, and no more."""

import asyncio
import contextlib
import ssl

from app.server.observability.events import Events
from app.server.tls.certificates import Certificates
from app.server.tls.pair import not_accepted

_POLL_SECONDS = 10.0
"""Seconds between two handshakes; sooner when the certificate has changed."""
_AGAIN = 2.0
"""Seconds between two handshakes when the last one failed."""
_TIMEOUT_SECONDS = 5.0
"""Seconds that one may take."""


class SelfCheck:
    """Whether the API server would accept what it is shown on the webhooks' port."""

    def __init__(self, host: str, port: int, certificates: Certificates, events: Events) -> None:
        """`host` is the address listened on."""
        self._host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104 -- not to listen on
        self._port = port
        self._certificates, self._events = certificates, events
        self.fault: str | None = "no handshake with this server's own endpoint yet"
        """Why it would not."""

    async def watch(self) -> None:
        """Look until cancelled."""
        changed = self._certificates.changed
        while True:
            changed.clear()
            before, self.fault = self.fault, await self._look()
            if self.fault != before:
                self._events.readiness(self.fault)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(changed.wait(), _AGAIN if self.fault else _POLL_SECONDS)

    async def _look(self) -> str | None:
        pair = self._certificates.pair
        if pair.name is None:
            return pair.doubt
        try:
            async with asyncio.timeout(_TIMEOUT_SECONDS):
                _, writer = await asyncio.open_connection(
                    self._host, self._port, ssl=pair.verifying, server_hostname=pair.name
                )
                writer.close()
                await writer.wait_closed()
        except ssl.SSLError as error:
            return not_accepted(error)
        except TimeoutError:
            return f"no handshake with this server's own endpoint within {_TIMEOUT_SECONDS:.0f} s"
        except OSError as error:
            return f"cannot connect to this server's own endpoint: {error.strerror or type(error).__name__}"
        return None
