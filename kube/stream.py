"""An answer that is read as it comes: a list of any length, or a watch."""

from collections.abc import Iterator
from contextlib import suppress
from typing import Any

from urllib3.exceptions import HTTPError

from kube.errors import Unavailable, no_answer

_PIECE_BYTES = 2**16


class Stream:
    """The open answer to a list or a watch. Reading raises Unavailable where no more comes that should come."""

    def __init__(self, response: Any) -> None:
        """`response` is urllib3's, of which nothing has been read."""
        self._response = response

    def read(self) -> bytes:
        """All of it. Its connection can then be used again."""
        try:
            content: bytes = self._response.data
        except (HTTPError, OSError, ValueError) as error:
            raise no_answer(error) from None
        self._response.release_conn()
        return content

    def chunks(self) -> Iterator[bytes]:
        """All of it, in pieces of some KiB, each as soon as it is there."""
        try:
            yield from self._response.stream(_PIECE_BYTES, decode_content=False)
        except (HTTPError, OSError, ValueError) as error:
            raise no_answer(error) from None

    def lines(self, most: int) -> Iterator[bytes | None]:
        """All of it, line by line, without empty ones; None in place of one of more than so many bytes.

        The last one must be whole too. No line is held while the next is waited for.
        """
        parts: list[bytes] = []
        size = 0
        for chunk in self.chunks():
            *ends, rest = chunk.split(b"\n")
            for end in ends:
                parts.append(end)
                size += len(end)
                if size > most:
                    parts.clear()
                    yield None
                elif any(map(bytes.strip, parts)):
                    yield _taken(parts)
                parts.clear()
                size = 0
            size += len(rest)
            if size > most:
                parts.clear()
            elif rest:
                parts.append(rest)
        if size:
            raise Unavailable("no answer from the API server: the connection was closed in the middle of an event")

    def shut(self) -> None:
        """Wake the thread that reads: nothing more comes for it. Called by another thread."""
        with suppress(OSError, RuntimeError, ValueError):  # it has just come to its end by itself
            self._response.shutdown()

    def close(self) -> None:
        """Close the connection, whatever has not been read."""
        self._response.close()


def _taken(parts: list[bytes]) -> bytes:
    """All parts as one; there are none left."""
    whole = b"".join(parts)
    parts.clear()
    return whole
