"""One connection: uvicorn's protocol over httptools, with bounds on what a caller makes it remember."""

from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

from app.server import LARGEST_HEAD

_TOO_LARGE = STATUS_LINE[431] + b"content-length: 0\r\nconnection: close\r\n\r\n"


class Pipelined(Exception):
    """A request that came before the one before it was answered."""


class Connection(HttpToolsProtocol):
    """Ends a connection whose caller sends too much beside bodies, or requests ahead of their turn.

    httptools itself takes 40 MB of headers, and as much of trailers; uvicorn remembers every request sent ahead. The
    API server does neither.
    """

    _beside = 0
    """Bytes of the request that are not its body: request line, headers, sizes of chunks, trailers."""

    def data_received(self, data: bytes) -> None:
        """Take bytes from the network."""
        self._beside += len(data)
        super().data_received(data)
        if self._beside > LARGEST_HEAD and not self.transport.is_closing():
            self.transport.write(_TOO_LARGE)
            self.transport.close()

    def on_message_begin(self) -> None:
        """Begin a request, unless one is being answered: the exception makes httptools stop, and uvicorn answer 400."""
        if self.cycle is not None and not self.cycle.response_complete:
            raise Pipelined
        super().on_message_begin()

    def on_body(self, body: bytes) -> None:
        """Take a part of a body."""
        self._beside -= len(body)
        super().on_body(body)

    def on_message_complete(self) -> None:
        """End a request; what comes next is another one."""
        super().on_message_complete()
        self._beside = 0
