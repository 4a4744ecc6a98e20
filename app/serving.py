"""The process: two listeners in one event loop, TLS on one of them, and an orderly end."""

import asyncio
import contextlib
import gc
import signal
import socket
import ssl
import time
from collections.abc import Iterator
from pathlib import Path

import uvicorn
from fastapi import FastAPI

from app import management, server
from app.admission import Admission
from app.connection import Connection
from app.settings import Settings
from app.telemetry import Telemetry, configure_logging

_KEEP_ALIVE = 120
"""Seconds. The API server keeps idle connections for 90, and a call on one that was just closed fails."""
_QUIET = 3.0
"""Seconds without a call after which nobody is expected to call any more."""
_CIPHERS = "ECDHE+AESGCM:ECDHE+CHACHA20"
"""For TLS 1.2; TLS 1.3 has authenticated encryption only."""


class CannotServe(Exception):
    """The server cannot start. The message says why, and what to do."""


def tls_context(directory: Path) -> ssl.SSLContext:
    """A context for the pair `tls.crt` and `tls.key` in a directory. Raises CannotServe."""
    certificate, key = directory / "tls.crt", directory / "tls.key"
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_ciphers(_CIPHERS)
    context.set_alpn_protocols(["http/1.1"])
    try:
        context.load_cert_chain(certificate, key)
    except FileNotFoundError:
        advice = f"`stash-certs issue --dir {directory} --dns localhost` makes a pair for local use"
        raise CannotServe(f"there is no {certificate} and {key}: {advice}") from None
    except (OSError, ssl.SSLError) as error:
        reason = getattr(error, "reason", None) or error.strerror or "unreadable"
        raise CannotServe(f"{certificate} and {key} are no certificate and its key: {reason}") from None
    return context


def listen(host: str, port: int, flag: str) -> socket.socket:
    """A listening socket. Raises CannotServe, which names the flag that chooses another port."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family, backlog=2048)
    except (OSError, OverflowError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise CannotServe(f"cannot listen on {host} port {port}: {reason}; {flag} chooses another port") from None


def _url(scheme: str, listening: socket.socket) -> str:
    host, port = listening.getsockname()[:2]
    return f"{scheme}://{f'[{host}]' if ':' in host else host}:{port}"


class _Listener(uvicorn.Server):
    """A listener that leaves signals to the process."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Do nothing: `Process` handles signals for both listeners."""
        yield


def _listener(app: FastAPI, context: ssl.SSLContext | None) -> _Listener:
    config = uvicorn.Config(
        app,
        http=Connection,
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_keep_alive=_KEEP_ALIVE,
        timeout_graceful_shutdown=5,
        ssl_context_factory=None if context is None else lambda *_: context,
    )
    return _Listener(config)


class Process:
    """The running server."""

    def __init__(self, settings: Settings, telemetry: Telemetry | None = None) -> None:
        self.settings = settings
        self.telemetry = telemetry or Telemetry()
        self.traffic = server.Traffic(most=settings.max_in_flight)
        self._stopping = asyncio.Event()
        self._at_once = False
        context = tls_context(settings.cert_dir)
        self.webhook_socket = listen(settings.host, settings.port, "--port")
        self.management_socket = listen(settings.host, settings.management_port, "--management-port")
        webhook = server.create_app(Admission(settings.levels), self.telemetry, self.traffic)
        self.webhook = _listener(webhook, context)
        self.management = _listener(management.create_app(self.telemetry, self.not_ready), None)

    def not_ready(self) -> str | None:
        """Why the server is not ready; None if it is."""
        if self._stopping.is_set():
            return "stopping"
        return None if self.webhook.started else "starting"

    async def run(self) -> None:
        """Serve until a signal, then take leave."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, self._signalled, number)
        # What exists now stays for ever: without it the collector walks all of it in the middle of a review.
        gc.collect()
        gc.freeze()
        gc.set_threshold(50_000, 20, 100)
        listeners = asyncio.gather(
            self.management.serve([self.management_socket]), self.webhook.serve([self.webhook_socket])
        )
        self.telemetry.serving(_url("https", self.webhook_socket), _url("http", self.management_socket))
        listeners.add_done_callback(lambda _: self._stopping.set())
        await self._stopping.wait()
        await self._drain()
        self.webhook.should_exit = self.management.should_exit = True
        await listeners

    def _signalled(self, number: int) -> None:
        if self._stopping.is_set() or number == signal.SIGINT:
            self._at_once = True
            self.webhook.force_exit = self.management.force_exit = True
        self._stopping.set()

    async def _drain(self) -> None:
        """Serve on until nobody calls any more: the Service goes on sending calls for a second or two.

        Each connection is closed after its next answer, so that the API server opens one to another replica.
        """
        self.traffic.closing = True
        started = self.traffic.last = time.monotonic()
        while not self._at_once and time.monotonic() - started < self.settings.drain_seconds:
            if not self.traffic.in_flight and time.monotonic() - self.traffic.last >= _QUIET:
                return
            await asyncio.sleep(0.1)


def serve(settings: Settings) -> None:
    """Serve until told to stop. Raises CannotServe."""
    configure_logging()
    process = Process(settings)
    config = process.webhook.config
    with asyncio.Runner(loop_factory=config.get_loop_factory()) as runner:
        runner.run(process.run())
