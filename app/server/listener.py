"""A listener: uvicorn's server, with our own way in and our own bounds."""

import contextlib
import socket
from collections.abc import Iterator
from functools import partial
from typing import Any

import uvicorn
from starlette.types import ASGIApp

from app.server import limits
from app.server.observability.telemetry import Telemetry
from app.server.tls.certificates import Certificates
from app.server.tls.client_auth import ClientCertificatePolicy
from app.server.transport.acceptor import Acceptor
from app.server.transport.connections import Connections
from app.server.transport.protocol import Connection
from app.server.webhooks import Forbidden


class CannotServe(Exception):
    """The server cannot start. The message says why, and what to do."""


def listen(host: str, port: int, flag: str) -> socket.socket:
    """A listening socket. Raises CannotServe, which names the flag that chooses another port."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family, backlog=limits.BACKLOG)
    except (OSError, OverflowError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise CannotServe(f"cannot listen on {host} port {port}: {reason}; choose another port with {flag}") from None


class Listener(uvicorn.Server):
    """A listener whose connections come in by our own Acceptor, and that leaves signals to the process."""

    def __init__(
        self,
        app: ASGIApp,
        listening: socket.socket,
        most: int,
        telemetry: Telemetry,
        certificates: Certificates | None = None,
        client_policy: ClientCertificatePolicy | None = None,
    ) -> None:
        """`certificates` are for TLS; without them it is plain HTTP. `client_policy` says who may call."""
        config = uvicorn.Config(
            app,
            ws="none",
            lifespan="off",
            log_config=None,
            access_log=False,
            server_header=False,
            proxy_headers=False,
            timeout_graceful_shutdown=limits.UVICORN_GRACE_SECONDS,
        )
        super().__init__(config)
        self.listening = listening
        self.connections = Connections(most, telemetry.connections.ended)
        self._telemetry, self._certificates, self._client_policy = telemetry, certificates, client_policy
        self._forbidden = partial(Forbidden, telemetry=telemetry.calls)

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Let connections in."""
        await super().startup(sockets or [])
        certificates = self._certificates
        context = None if certificates is None else lambda: certificates.context
        entrance: Any = Acceptor(self.listening, self.connections, self._protocol, context, self._telemetry.connections)
        self.servers.append(entrance)

    def url(self, scheme: str) -> str:
        """Where it listens."""
        host, port = self.listening.getsockname()[:2]
        return f"{scheme}://{f'[{host}]' if ':' in host else host}:{port}"

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Do nothing: `Process` handles signals for both listeners."""
        yield

    def _protocol(self) -> Connection:
        state = self.server_state
        return Connection(
            self.connections,
            self._client_policy,
            self._forbidden,
            self._telemetry.connections,
            config=self.config,
            server_state=state,
            app_state={},
        )
