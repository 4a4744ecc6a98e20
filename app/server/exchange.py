"""One call and its answer: uvicorn's, but an answer that is there as a whole is written as a whole."""

from typing import Any

from uvicorn.protocols.http.httptools_impl import STATUS_LINE, RequestResponseCycle


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
