"""The process: two listeners in one event loop, TLS on one of them, and an orderly end."""

import asyncio
import contextlib
import gc
import signal
import socket
import ssl
import time
from collections.abc import Iterator

import uvicorn
from fastapi import FastAPI

from app import management, server
from app.admission import Admission
from app.connection import Connection
from app.settings import Settings
from app.telemetry import Telemetry, configure_logging
from app.tls import BadPair, ServingPair

_KEEP_ALIVE = 120
"""Seconds. The API server keeps idle connections for 90, and a call on one that was just closed fails."""
_QUIET = 3.0
"""Seconds without a call after which nobody is expected to call any more."""


class CannotServe(Exception):
    """The server cannot start. The message says why, and what to do."""


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
        proxy_headers=False,
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
        try:
            self.pair = ServingPair(settings.cert_dir, self.telemetry)
        except BadPair as bad:
            raise CannotServe(str(bad)) from None
        self.webhook_socket = listen(settings.host, settings.port, "--port")
        self.management_socket = listen(settings.host, settings.management_port, "--management-port")
        webhook = server.create_app(Admission(settings.levels), self.telemetry, self.traffic)
        self.webhook = _listener(webhook, self.pair.context)
        self.management = _listener(management.create_app(self.telemetry, self.not_ready, self.remark), None)

    def not_ready(self) -> str | None:
        """Why the server is not ready; None if it is."""
        if self._stopping.is_set():
            return "stopping"
        if self.pair.expired:
            return self.pair.fault or "the certificate in use is expired"
        return None if self.webhook.started else "starting"

    def remark(self) -> str | None:
        """What is wrong although the server is ready: all replicas mount the same Secret, so none would be left."""
        return self.pair.fault and f"{self.pair.fault}; the certificate in use is still the one before"

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
        watching = asyncio.create_task(self.pair.watch())
        await self._stopping.wait()
        await self._drain()
        watching.cancel()
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
