"""A TCP proxy on loopback that fails on demand, between a client and one server or several in turn."""

from __future__ import annotations

import contextlib
import itertools
import socket
import threading
from collections.abc import Iterator


class Proxy:
    """Forwards connections to ports, each the next, until told to refuse them, to cut them, or to let them hang."""

    def __init__(self, *ports: int) -> None:
        self._targets = itertools.cycle(ports)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._refusing = False
        self._flowing = threading.Event()
        self._flowing.set()
        self._open: list[socket.socket] = []
        self.accepted = 0
        """Connections that were forwarded."""
        threading.Thread(target=self._accept, daemon=True).start()

    @property
    def port(self) -> int:
        """Where it listens."""
        port: int = self._listener.getsockname()[1]
        return port

    def cut(self) -> None:
        """Close all connections, as the end of an API server does, and refuse new ones."""
        self._refusing = True
        self.close_all()

    def close_all(self) -> None:
        """Close all connections."""
        while self._open:
            _end(self._open.pop())

    def hang(self) -> None:
        """Forward nothing more on any connection, and leave them open, as a lost node does."""
        self._flowing.clear()

    def resume(self) -> None:
        """Let new connections through again. Those that hang stay dead, as after the loss of a node."""
        self._refusing = False
        self.close_all()
        self._flowing.set()

    def close(self) -> None:
        """End all of it."""
        _end(self._listener)
        self._listener.close()
        self.cut()
        self._flowing.set()

    def _accept(self) -> None:
        while True:
            try:
                inner, _ = self._listener.accept()
            except OSError:
                return
            if self._refusing:
                inner.close()
                continue
            try:
                outer = socket.create_connection(("127.0.0.1", next(self._targets)))
            except OSError:  # the API server is down
                inner.close()
                continue
            for each in (inner, outer):  # else a packet may wait 40 ms for the acknowledgement of the one before
                each.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self.accepted += 1
            self._open += [inner, outer]
            for one, other in ((inner, outer), (outer, inner)):
                threading.Thread(target=self._forward, args=(one, other), daemon=True).start()

    def _forward(self, source: socket.socket, sink: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(2**16):
                self._flowing.wait()
                sink.sendall(data)
        _end(sink)
        source.close()


def _end(each: socket.socket) -> None:
    """Wake whoever waits for it, who then closes it."""
    with contextlib.suppress(OSError):
        each.shutdown(socket.SHUT_RDWR)


@contextlib.contextmanager
def proxied(*ports: int) -> Iterator[Proxy]:
    """A proxy in front of ports."""
    proxy = Proxy(*ports)
    try:
        yield proxy
    finally:
        proxy.close()
