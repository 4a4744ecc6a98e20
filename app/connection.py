"""One connection: uvicorn's protocol over httptools, with a bound on what comes before a body."""

from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

from app.server import LARGEST_HEAD


class Connection(HttpToolsProtocol):
    """Ends a connection whose request line and headers grow beyond the bound: httptools itself takes 40 MB of them."""

    _head = 0
    """Bytes since the beginning of a request whose headers are not complete; -1 while a body comes."""

    def data_received(self, data: bytes) -> None:
        """Take bytes from the network."""
        if self._head >= 0:
            self._head += len(data)
        super().data_received(data)
        if self._head > LARGEST_HEAD and self.parser is not None and not self.transport.is_closing():
            self.transport.write(STATUS_LINE[431] + b"content-length: 0\r\nconnection: close\r\n\r\n")
            self.transport.close()

    def on_headers_complete(self) -> None:
        """Stop counting."""
        self._head = -1
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        """Count again from the next request on."""
        super().on_message_complete()
        self._head = 0
