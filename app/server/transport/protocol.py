"""One connection and its calls: uvicorn's protocol over httptools, with bounds on what a caller may make it hold."""

import asyncio
from collections.abc import Callable
from typing import Any
from urllib.parse import unquote

import httptools
from starlette.types import ASGIApp
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol, RequestResponseCycle

from app.server.limits import MAX_HEAD_BYTES, PIECE_BYTES
from app.server.observability.telemetry import ConnectionTelemetry
from app.server.tls.client_auth import ClientCertificatePolicy
from app.server.transport.connections import Connections, Stage

_LAST_WORDS = b"content-length: 0\r\nconnection: close\r\n\r\n"
_TOO_LARGE = STATUS_LINE[431] + _LAST_WORDS
_TOO_SLOW = STATUS_LINE[408] + _LAST_WORDS
_TOO_BUSY = STATUS_LINE[503] + b"retry-after: 1\r\n" + _LAST_WORDS


class ResponseCycle(RequestResponseCycle):
    """Keeps the head of an answer back until its body is there, so that both take one write and one TLS record.

    What is not there as a whole, or for a caller who is slow to take it, goes uvicorn's way.
    """

    _head: Any = None

    async def send(self, message: Any) -> None:
        """Send a part of the answer."""
        if message["type"] == "http.response.start":
            self._head = message
            return
        head, self._head = self._head, None
        if head is not None:
            if self._whole(head, message):
                self._write(head["status"], head["headers"], message.get("body", b""))
                return
            await super().send(head)
        await super().send(message)

    def _whole(self, head: Any, message: Any) -> bool:
        ready = not (message.get("more_body") or self.flow.write_paused or self.disconnected)
        length = (b"content-length", b"%d" % len(message.get("body", b"")))
        return ready and self.scope["method"] != "HEAD" and length in head["headers"]

    def _write(self, status: int, headers: list[tuple[bytes, bytes]], body: bytes) -> None:
        parts = [STATUS_LINE[status]]
        for name, value in (*self.default_headers, *headers):
            parts += (name, b": ", value, b"\r\n")
        if (b"connection", b"close") in headers:
            self.keep_alive = False
        elif not self.keep_alive:
            parts.append(b"connection: close\r\n")
        parts += (b"\r\n", body)
        self.response_started = self.response_complete = True
        self.transport.write(b"".join(parts))
        self.message_event.set()
        if not self.keep_alive:
            self.transport.close()
        self.on_response()


class Unwanted(Exception):
    """A request that an API server never sends. httptools stops at an exception, and uvicorn answers 400."""


class Connection(HttpToolsProtocol):
    """Ends a connection whose client sends too much besides bodies, sends too slowly, or pipelines requests.

    httptools itself accepts 40 MB of headers, and as much of trailers; uvicorn queues every pipelined request, and
    waits forever for the rest of one. The API server does none of this.
    """

    def __init__(
        self,
        connections: Connections,
        client_policy: ClientCertificatePolicy | None,
        forbidden: Callable[[str], ASGIApp],
        telemetry: ConnectionTelemetry,
        **options: Any,
    ) -> None:
        """`client_policy` says who may call, `forbidden` answers others with the reason. `options` are uvicorn's."""
        super().__init__(**options)
        self._connections = connections
        self._client_policy, self._forbidden = client_policy, forbidden
        self._telemetry = telemetry
        self._beside = 0
        """Bytes of the request that are not its body: request line, headers, sizes of chunks, trailers."""
        self.stage = Stage.NEW
        self.since = self.loop.time()

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin."""
        super().connection_made(transport)
        transport.set_write_buffer_limits(high=PIECE_BYTES)
        self._connections.add(self)
        refusal = self._client_policy and self._client_policy.refusal(transport.get_extra_info("peercert"))
        if refusal:
            self.app = self._forbidden(refusal)

    def connection_lost(self, exc: Exception | None) -> None:
        """End."""
        self._connections.discard(self)
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Take bytes from the network."""
        if self.stage is Stage.NEW:
            self._begin(Stage.HEAD)
        self._beside += len(data)
        super().data_received(data)
        if self._beside > MAX_HEAD_BYTES and not self.transport.is_closing():
            self._telemetry.ended("head too large")
            self._leave(_TOO_LARGE)

    def on_message_begin(self) -> None:
        """Begin a request, unless one is being answered."""
        if self.cycle is not None and not self.cycle.response_complete:
            raise Unwanted
        self._begin(Stage.HEAD)
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        """Begin the body, unless the caller wants to speak something else."""
        if self.parser.should_upgrade():
            raise Unwanted
        self.stage = Stage.BODY
        version, url = self.parser.get_http_version(), httptools.parse_url(self.url)
        self.scope["method"] = self.parser.get_method().decode("ascii")
        self.scope["http_version"] = version
        self.scope["path"] = unquote(url.path.decode("ascii"))
        self.scope["raw_path"] = url.path
        self.scope["query_string"] = url.query or b""
        self.cycle = ResponseCycle(
            scope=self.scope,
            transport=self.transport,
            flow=self.flow,
            logger=self.logger,
            access_logger=self.access_logger,
            access_log=False,
            default_headers=self.server_state.default_headers,
            message_event=asyncio.Event(),
            expect_100_continue=self.expect_100_continue,
            keep_alive=version != "1.0" and self.parser.should_keep_alive(),
            on_response=self.on_response_complete,
        )
        self._start_asgi_task(self.cycle, self.app)

    def on_body(self, body: bytes) -> None:
        """Take a part of a body."""
        self._beside -= len(body)
        super().on_body(body)

    def on_message_complete(self) -> None:
        """End a request; what comes next is another one."""
        super().on_message_complete()
        self._beside = 0
        # A call that is refused early is answered before its end.
        if self.cycle.response_complete:
            self._begin(Stage.KEEPALIVE)
        else:
            self.stage = Stage.ANSWER

    def on_response_complete(self) -> None:
        """End a call, if its end has come. uvicorn would set a timer each time; `Connections` looks at all at once."""
        self.flow.resume_reading()
        if self.stage is Stage.ANSWER:
            self._begin(Stage.KEEPALIVE)

    def send_400_response(self, msg: str) -> None:
        """Answer what is not HTTP."""
        self._telemetry.ended("not http")
        super().send_400_response(msg)
        self._begin(Stage.LEAVING)

    @property
    def is_stuck(self) -> bool:
        """Whether an answer waits to be taken."""
        return self.stage is Stage.ANSWER and self.flow.write_paused

    def end(self, *, again: bool = False) -> None:
        """End it: with an answer where one is awaited, else at once. `again`: the caller may try again."""
        answered = self.cycle is not None and self.cycle.response_started and not self.cycle.response_complete
        if self.stage in (Stage.HEAD, Stage.BODY) and not answered and not self.transport.is_closing():
            self._leave(_TOO_BUSY if again else _TOO_SLOW)
        elif self.stage is Stage.KEEPALIVE and not again:
            self._leave(b"")
        else:
            self.transport.abort()

    def _begin(self, stage: Stage) -> None:
        self.stage, self.since = stage, self.loop.time()

    def _leave(self, words: bytes) -> None:
        if words:
            self.transport.write(words)
        self.transport.close()
        self._begin(Stage.LEAVING)
