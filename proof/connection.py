"""One connection as a caller of webhooks has it: HTTP/1.1, kept open between calls, one call at a time."""

from __future__ import annotations

import asyncio
import ssl
from dataclasses import dataclass
from typing import Any

import httptools


class CallFailed(Exception):
    """A call that got no answer. The message says why."""


@dataclass(frozen=True)
class Answer:
    """What was answered."""

    status: int
    body: bytes


class Connection(asyncio.Protocol):
    """A connection. What it sent is never sent again, here or elsewhere: who called must hear of it."""

    def __init__(self) -> None:
        self.alive = False
        """Whether a call can be made, as far as is known here."""
        self.calls = 0
        """Calls sent."""
        self.certificate: bytes | None = None
        """What the server showed, in DER."""
        self._transport: Any = None
        self._parser: Any = None
        self._pending: asyncio.Future[Answer] | None = None
        self._body: list[bytes] = []

    @classmethod
    async def dial(
        cls, host: str, port: int, context: ssl.SSLContext | None, name: str | None = None, seconds: float = 10
    ) -> Connection:
        """A new connection. Raises CallFailed."""
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(seconds):
                _, it = await loop.create_connection(cls, host, port, ssl=context, server_hostname=name)
        except TimeoutError:
            raise CallFailed(f"no connection within {seconds:g} s") from None
        except OSError as error:
            raise CallFailed(f"no connection: {reason(error)}") from None
        return it

    async def call(self, message: bytes) -> Answer:
        """Send a request and wait for its answer. Raises CallFailed where the connection ends before."""
        if not self.alive or self._pending is not None:
            raise CallFailed("the connection was closed before the call")
        self.calls += 1
        self._body = []
        self._parser = httptools.HttpResponseParser(self)
        self._pending = asyncio.get_running_loop().create_future()
        self._transport.write(message)
        try:
            return await self._pending
        finally:
            if self._pending is not None:  # whoever called waits no longer: an answer would be taken for the next
                self._pending = None
                self.close()

    @property
    def is_gone(self) -> bool:
        """Whether nothing of it is left open."""
        return self._transport is None

    def close(self) -> None:
        """Close it."""
        self.alive = False
        if self._transport is not None:
            self._transport.close()

    # What asyncio calls.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport
        self.alive = True
        secured = transport.get_extra_info("ssl_object")
        self.certificate = secured.getpeercert(binary_form=True) if secured else None

    def data_received(self, data: bytes) -> None:
        if self._pending is None:
            self.close()  # nobody asked: what follows could not be told from an answer
            return
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserError as error:
            self._fail(f"no HTTP: {error}")
            self.close()

    def connection_lost(self, exc: Exception | None) -> None:
        self.alive = False
        self._transport = None
        self._fail(f"{reason(exc) if exc else 'EOF'} after the call was sent")

    # What the parser calls.

    def on_body(self, body: bytes) -> None:
        self._body.append(body)

    def on_message_complete(self) -> None:
        if not self._parser.should_keep_alive():
            self.close()
        pending, self._pending = self._pending, None
        if pending is not None and not pending.done():
            pending.set_result(Answer(self._parser.get_status_code(), b"".join(self._body)))

    def _fail(self, why: str) -> None:
        pending, self._pending = self._pending, None
        if pending is not None and not pending.done():
            pending.set_exception(CallFailed(why))


def reason(error: Exception) -> str:
    """A few words on an error of the network."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"certificate not accepted: {error.verify_message}"
    words = getattr(error, "reason", None) or getattr(error, "strerror", None) or str(error) or type(error).__name__
    return str(words)
