"""A server over TLS on loopback that stands in for a webhook: what it answers is a function of what it is asked."""

from __future__ import annotations

import contextlib
import json
import ssl
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass(frozen=True)
class Call:
    """One call: request line, path without query, user agent, and the review's request."""

    line: str
    path: str
    agent: str
    request: dict[str, Any]


@dataclass(frozen=True)
class Hangup:
    """No answer: the connection is closed."""


@dataclass(frozen=True)
class Fault:
    """An HTTP status with a message in the words of Kubernetes, as our server answers what it does not serve."""

    status: int
    message: str


Answer = dict[str, Any] | int | Fault | Hangup
"""The fields of a review's response beside its uid, an HTTP status without body or with a message, or nothing."""


@contextlib.contextmanager
def standing_in(context: ssl.SSLContext, answer: Callable[[Call], Answer]) -> Iterator[int]:
    """The port of a server that answers in this way. It has threads, so `answer` may be called by several at once."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            review = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            path = self.path.partition("?")[0]
            said = answer(Call(self.requestline, path, self.headers["User-Agent"], review["request"]))
            if isinstance(said, Hangup):
                self.close_connection = True
                return
            status, body = _reply(review, said)
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  the base class names it so
            """Keep the test's output clean."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        # Without the handshake, which would block the thread that accepts.
        server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
        server.daemon_threads = True
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield server.server_address[1]
        finally:
            server.shutdown()
            thread.join()


def _reply(review: dict[str, Any], said: dict[str, Any] | int | Fault) -> tuple[int, bytes]:
    if isinstance(said, int):
        return said, b""
    if isinstance(said, Fault):
        fields = {"status": "Failure", "message": said.message, "code": said.status}
        return said.status, json.dumps({"apiVersion": "v1", "kind": "Status", **fields}).encode()
    return 200, _review(review, said)


def _review(review: dict[str, Any], said: dict[str, Any]) -> bytes:
    response = {"uid": review["request"]["uid"], **said}
    return json.dumps({"apiVersion": review["apiVersion"], "kind": review["kind"], "response": response}).encode()
