"""The way in: connections are accepted while there is room, and agree on TLS before they may say anything."""

import asyncio
import contextlib
import socket
import ssl
from collections.abc import Callable

from app.server import limits
from app.server.observability.telemetry import ConnectionTelemetry
from app.server.transport.connections import Connections, Stage

_REASONS = {
    "HTTP_REQUEST": "not tls",
    "HTTPS_PROXY_REQUEST": "not tls",
    "WRONG_VERSION_NUMBER": "not tls",
    "UNKNOWN_PROTOCOL": "not tls",
    "UNSUPPORTED_PROTOCOL": "version",
    "VERSION_TOO_LOW": "version",
    "INAPPROPRIATE_FALLBACK": "version",
    "NO_SHARED_CIPHER": "cipher",
    "CERTIFICATE_VERIFY_FAILED": "client certificate",
}
"""Why a handshake failed, by what OpenSSL calls it."""


class _PendingHandshake:
    """A connection that agrees on TLS."""

    is_stuck = False

    def __init__(self, now: float) -> None:
        self.stage = Stage.GREETING
        self.since = now
        self.task: asyncio.Task[None] | None = None

    def end(self, *, again: bool = False) -> None:  # noqa: ARG002 -- nobody has called yet
        """Stop."""
        if self.task:
            self.task.cancel()


class Acceptor:
    """Where a listener's connections come in. uvicorn takes it for one of its servers."""

    def __init__(
        self,
        listening: socket.socket,
        connections: Connections,
        protocol: Callable[[], asyncio.Protocol],
        context: Callable[[], ssl.SSLContext] | None,
        telemetry: ConnectionTelemetry,
    ) -> None:
        """`protocol` makes what speaks HTTP; `context` gives the TLS of the next connection, None: plain."""
        self._listening, self._connections, self._protocol = listening, connections, protocol
        self._context, self._telemetry = context, telemetry
        self._loop = asyncio.get_running_loop()
        self._greetings: set[_PendingHandshake] = set()
        self._watching = self._loop.create_task(connections.watch())
        self._is_open = True
        listening.setblocking(False)
        self._loop.add_reader(listening, self._accept)

    def close(self) -> None:
        """Let nobody in any more."""
        self._is_open = False
        self._loop.remove_reader(self._listening)
        self._listening.close()
        self._watching.cancel()
        for each in tuple(self._greetings):
            each.end()

    async def wait_closed(self) -> None:
        """Wait for nothing: uvicorn itself waits for the connections."""

    def _accept(self) -> None:
        for _ in range(limits.ACCEPTED_AT_ONCE):
            try:
                accepted, address = self._listening.accept()
            except (BlockingIOError, InterruptedError, ConnectionAbortedError):
                return
            except OSError:
                self._telemetry.ended("no more files")
                self._loop.remove_reader(self._listening)
                self._loop.call_later(limits.OUT_OF_FILES_SECONDS, self._go_on)
                return
            if not self._connections.has_room():
                accepted.close()
                continue
            accepted.setblocking(False)
            with contextlib.suppress(OSError):  # who has left already
                accepted.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._greet(accepted, address[0])

    def _go_on(self) -> None:
        if self._is_open:
            self._loop.add_reader(self._listening, self._accept)

    def _greet(self, accepted: socket.socket, peer: str) -> None:
        greeting = _PendingHandshake(self._loop.time())
        self._connections.add(greeting)
        self._greetings.add(greeting)

        def done(task: asyncio.Task[None]) -> None:
            self._greetings.discard(greeting)
            self._connections.discard(greeting)
            if task.cancelled():
                accepted.close()

        greeting.task = self._loop.create_task(self._agree(accepted, peer))
        greeting.task.add_done_callback(done)

    async def _agree(self, accepted: socket.socket, peer: str) -> None:
        """Agree on TLS, or say why not."""
        if self._context is None:
            with contextlib.suppress(OSError):
                await self._loop.connect_accepted_socket(self._protocol, accepted)
            return
        try:
            spare = accepted.dup()  # the other one is closed when the handshake fails
        except OSError:
            accepted.close()
            self._telemetry.ended("no more files")
            return
        with spare:
            try:
                await self._loop.connect_accepted_socket(
                    self._protocol,
                    accepted,
                    ssl=self._context(),
                    ssl_handshake_timeout=limits.HANDSHAKE_SECONDS,
                    ssl_shutdown_timeout=limits.TLS_SHUTDOWN_SECONDS,
                )
            except ssl.SSLError as error:
                self._telemetry.handshake_refused(_reason(error), peer, getattr(error, "verify_message", None))
                await self._part(spare, getattr(error, "alert", b""))
            except ConnectionAbortedError:
                self._telemetry.handshake_refused("timeout", peer)
            except OSError:
                self._telemetry.handshake_refused("left", peer)

    async def _part(self, spare: socket.socket, alert: bytes) -> None:
        """Say why, and give the other side a moment to read it: what it has sent since would cut us short."""
        with contextlib.suppress(OSError):
            spare.send(alert)
            spare.shutdown(socket.SHUT_WR)
            async with asyncio.timeout(1):
                while await self._loop.sock_recv(spare, 65536):
                    pass


def _reason(error: ssl.SSLError) -> str:
    """One of a closed set."""
    name = error.reason or ""
    if "ALERT" in name and ("CERT" in name or "UNKNOWN_CA" in name):
        return "our certificate not accepted"
    return _REASONS.get(name, "other")
