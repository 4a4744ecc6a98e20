"""Hostile connections, as a program of its own: `python -m proof.attacks`, so that it slows nobody else's clock.

It makes connections of some kinds for a while, and writes into a file what each got, one line of JSON a connection.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import random
import re
import socket
import ssl
import warnings
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Annotated

import orjson
import typer

from proof.calls import NAME, Reviews, batch, request
from testbed.reviews import review

_HEAD = b"POST /validate HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
_DRIP = 0.5
"""Seconds between two bytes of what trickles."""
_HUGE = 40 * 2**20
_DIALS_AT_ONCE = 50
_ALERTS = {10: "unexpected message", 22: "record overflow", 40: "handshake failure", 50: "decode error"}
_ALERTS |= {70: "protocol version", 80: "internal error"}
_ESTABLISHED = "01"
"""State of a connection in `/proc/net/tcp`."""


class Target:
    """Who is attacked, and until when."""

    def __init__(self, port: int, seconds: float, ca: str) -> None:
        """Within an event loop; `ca` is the certificate of the CA in PEM."""
        self.port = port
        self.until = asyncio.get_running_loop().time() + seconds
        """Of the event loop's clock."""
        self.ca = ca
        self.context = ssl.create_default_context(cadata=ca)
        self._dialling = asyncio.Semaphore(_DIALS_AT_ONCE)

    async def tcp(self) -> Line:
        """A TCP connection."""
        return Line(self, *await asyncio.open_connection("127.0.0.1", self.port))

    async def tls(self, name: str = NAME) -> Line:
        """A TLS connection."""
        async with self._dialling:
            opened = await asyncio.open_connection("127.0.0.1", self.port, ssl=self.context, server_hostname=name)
        return Line(self, *opened)


class Line:
    """One connection of an attacker."""

    def __init__(self, target: Target, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._target, self._reader, self._writer = target, reader, writer
        self._received = b""
        self.sent = 0

    async def send(self, data: bytes) -> None:
        """Send bytes, and wait until they are on their way."""
        if self._writer.transport.is_closing():
            raise ConnectionResetError  # asyncio would throw the bytes away, and say nothing
        self._writer.write(data)
        await self._writer.drain()
        self.sent += len(data)

    async def answer(self) -> str:
        """What is answered to a whole call; the connection is then closed from here."""
        with contextlib.suppress(asyncio.IncompleteReadError, OSError):
            async with asyncio.timeout_at(self._target.until):
                self._received = await self._reader.readuntil(b"\r\n\r\n")
        return self._statuses() or "no answer"

    async def fate(self, sending: Awaitable[None] | None = None) -> str:
        """What becomes of the connection, while something is sent or nothing is; "still open" when time is up."""
        task = asyncio.ensure_future(sending) if sending else None
        try:
            async with asyncio.timeout_at(self._target.until):
                while data := await self._reader.read(65536):
                    self._received = (self._received + data)[-65536:]
            end = "closed"
        except TimeoutError:
            end = "still open"
        except (OSError, ssl.SSLError) as error:
            end = "reset" if isinstance(error, ConnectionError) else words(error)
        if task:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
        return ", ".join(filter(None, [self._statuses(), end]))

    def leave(self) -> None:
        """Close, without a farewell."""
        self._writer.transport.abort()

    def _statuses(self) -> str:
        if self._received[:1] == b"\x15" and len(self._received) >= 7:
            return f"TLS alert: {_ALERTS.get(self._received[6], str(self._received[6]))}"
        counted = [status.decode() for status in re.findall(rb"HTTP/1\.1 (\d{3}) ", self._received)]
        return f"HTTP {' and '.join(dict.fromkeys(counted))}" if counted else ""


def words(error: OSError) -> str:
    """An error of a handshake in a few words."""
    if isinstance(error, ConnectionError | ssl.SSLEOFError):
        return "closed in the handshake"
    said = str(getattr(error, "reason", None) or error.strerror or type(error).__name__)
    return said.lower().replace("_", " ").replace("tlsv1 alert", "TLS alert:")


Attack = Callable[[Target], Awaitable[str]]
ATTACKS: dict[str, Attack] = {}
"""What can be done, by its name on the page."""


def attack(name: str) -> Callable[[Attack], Attack]:
    """Enter an attack into `ATTACKS`."""

    def entered(function: Attack) -> Attack:
        ATTACKS[name] = function
        return function

    return entered


@attack("silent after TCP connect")
async def _silent(target: Target) -> str:
    line = await target.tcp()
    return await line.fate()


@attack("silent after TLS")
async def _silent_in_tls(target: Target) -> str:
    line = await target.tls()
    return await line.fate()


@attack("half a header")
async def _half_a_header(target: Target) -> str:
    line = await target.tls()
    return await line.fate(line.send(_HEAD[:60]))


@attack("a header that trickles")
async def _trickling_header(target: Target) -> str:
    line = await target.tls()
    return await line.fate(_trickle(line, b"", itertools.cycle(b"X-Name: value\r\n"), _HEAD))


@attack("a header of 40 MB")
async def _huge_header(target: Target) -> str:
    line = await target.tls()
    value = b"X-Name: " + b"v" * 1014 + b"\r\n"

    async def send() -> None:
        await line.send(_HEAD)
        while line.sent < _HUGE:
            await line.send(value * 16)

    end = await line.fate(send())
    return f"{end} (the whole of it taken)" if line.sent >= _HUGE else end


@attack("a body that trickles")
async def _trickling_body(target: Target) -> str:
    line = await target.tls()
    return await line.fate(_trickle(line, b"Content-Length: 100000\r\n\r\n", itertools.cycle(b"{ "), _HEAD))


@attack("a body announced and never sent")
async def _body_never_sent(target: Target) -> str:
    line = await target.tls()
    return await line.fate(line.send(_HEAD + b"Content-Length: 1000\r\n\r\n"))


@attack("chunked trailers without end")
async def _endless_trailers(target: Target) -> str:
    line = await target.tls()

    async def send() -> None:
        await line.send(_HEAD + b"Transfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n")
        while line.sent < _HUGE:
            await line.send(b"X-Trailer: value\r\n" * 100)

    return await line.fate(send())


@attack("an answer nobody reads")
async def _unread_answer(target: Target) -> str:
    document = batch("demo", "unread", "call-0x", 3000)
    for member in document["spec"]["members"]:
        member["target"].pop("alias", None)
    message = request("/mutate?timeout=5s", NAME, orjson.dumps(review(document)))

    def send() -> ssl.SSLSocket:
        plain = socket.socket()
        plain.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        plain.settimeout(30)
        plain.connect(("127.0.0.1", target.port))
        secured = target.context.wrap_socket(plain, server_hostname=NAME)
        secured.sendall(message)
        return secured

    with await asyncio.to_thread(send) as line:
        ours = line.getsockname()[1]
        while asyncio.get_running_loop().time() < target.until:
            if not _is_established(target.port, ours):
                return "closed"
            await asyncio.sleep(0.2)
    return "still open"


def _is_established(port: int, remote: int) -> bool:
    """Whether the server has a connection open: its end waits behind what is not read, and never comes here."""
    rows = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    ends = f"0100007F:{port:04X}", f"0100007F:{remote:04X}"
    return any((row[1], row[2]) == ends and row[3] == _ESTABLISHED for row in rows)


@attack("pipelined requests")
async def _pipelined(target: Target) -> str:
    line = await target.tls()
    make = Reviews(2)
    return await line.fate(line.send(b"".join(make(number).message for number in range(10))))


@attack("garbage instead of TLS")
async def _garbage(target: Target) -> str:
    line = await target.tcp()
    return await line.fate(line.send(random.Random(1).randbytes(1000)))  # noqa: S311 -- the same each time


@attack("garbage within TLS")
async def _garbage_in_tls(target: Target) -> str:
    line = await target.tls()
    return await line.fate(line.send(random.Random(2).randbytes(1000)))  # noqa: S311 -- the same each time


@attack("plain HTTP on the TLS port")
async def _plain(target: Target) -> str:
    line = await target.tcp()
    return await line.fate(line.send(Reviews(2)(0).message))


@attack("TLS 1.1")
async def _old_tls(target: Target) -> str:
    context = ssl.create_default_context(cadata=target.ca)

    def shake_hands() -> None:  # as asyncio does not tell which alert came
        with socket.create_connection(("127.0.0.1", target.port), 10) as plain:
            context.wrap_socket(plain, server_hostname=NAME).close()

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)
            context.minimum_version = context.maximum_version = ssl.TLSVersion.TLSv1_1
        context.set_ciphers("ALL:@SECLEVEL=0")
        await asyncio.to_thread(shake_hands)
    except ssl.SSLError as error:
        is_ours = error.reason in ("NO_PROTOCOLS_AVAILABLE", "NO_CIPHERS_AVAILABLE", "NO_CIPHER_MATCH")
        return "not tried: OpenSSL here cannot offer it" if is_ours else words(error)
    return "accepted"


@attack("no server name in TLS (not hostile)")
async def _no_name(target: Target) -> str:
    line = await target.tls(name="127.0.0.1")  # an address is never sent as a name
    await line.send(Reviews(2)(0).message)
    said = await line.answer()
    line.leave()
    return said


@attack("closes in the middle of a body")
async def _leaves(target: Target) -> str:
    line = await target.tls()
    message = Reviews(2)(0).message
    await line.send(message[: len(message) - 200])
    await asyncio.sleep(0.1)
    line.leave()
    return "nothing: it left"


async def _trickle(line: Line, end: bytes, drops: itertools.cycle[int], head: bytes) -> None:
    await line.send(head + end)
    for drop in drops:
        await asyncio.sleep(_DRIP)
        await line.send(bytes([drop]))


Note = Callable[[str, str, float], None]
"""Called with the kind, what a connection got, and after how many seconds it ended."""


async def run(kinds: list[str], target: Target, each: int, again: bool, note: Note) -> None:
    """Make so many connections of each kind, until the target's time is up or, unless `again`, all have ended."""
    loop = asyncio.get_running_loop()

    async def keep_on(kind: str) -> None:
        while True:
            began = loop.time()
            try:
                got = await ATTACKS[kind](target)
            except (OSError, ssl.SSLError) as error:
                got = words(error)
            note(kind, got, loop.time() - began)
            if not again or loop.time() + 1 >= target.until:
                return
            await asyncio.sleep(1)

    await asyncio.gather(*(keep_on(kind) for kind in kinds for _ in range(each)))


def main(
    port: int,
    seconds: float,
    file: Path,
    ca: Path,
    each: int = 3,
    again: Annotated[bool, typer.Option("--again", help="Connect again, a second after an end.")] = False,
    kind: Annotated[list[str] | None, typer.Option(help="Repeatable; without it, every kind.")] = None,
) -> None:
    """Attack a port of this machine."""

    async def attacking() -> None:
        with file.open("wb", buffering=0) as out:

            def note(name: str, got: str, after: float) -> None:
                out.write(orjson.dumps({"kind": name, "got": got, "after": after}) + b"\n")

            await run(kind or list(ATTACKS), Target(port, seconds, ca.read_text()), each, again, note)

    asyncio.run(attacking())


if __name__ == "__main__":
    typer.run(main)
