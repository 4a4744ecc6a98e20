"""Memory after many reviews."""

from __future__ import annotations

import asyncio
import ssl
import time
from collections.abc import Iterator

from proof.calls import NAME, Reviews
from proof.connection import Connection
from proof.load import fate
from proof.replicas import Replica, replicas, slots
from proof.section import Check, Section, Table
from proof.stage import Stage, issue, trusting
from proof.tally import Tally

_FEW, _MANY = 1_000, 100_000
_MOST = 1.10
_CONNECTIONS = 8
_SIZES = (*[2] * 44, *[50] * 5, 500)
"""Numbers of members of the batches, in turn."""

_HOW = f"""\
One server gets reviews as fast as it answers them, on {_CONNECTIONS} connections that stay open. Of {len(_SIZES)}
batches, {_SIZES.count(2)} have 2 members, {_SIZES.count(50)} have 50 and {_SIZES.count(500)} has 500, before and
after {_FEW:,} alike. Resident memory is read from /proc a second after the last answer."""


def measure(stage: Stage) -> Section:
    """Resident memory after few and after many reviews."""
    folder = stage.folder("memory")
    certificates, ca = issue(folder)
    many = max(stage.scaled(_MANY), 2 * _FEW)
    section, tally = Section("Memory", _HOW), Tally()
    with replicas(certificates, folder, *slots(1)) as (server,):
        began = time.monotonic()
        connections = [stage.background.start(_dial(server, trusting(ca))).result() for _ in range(_CONNECTIONS)]
        seen = [("ready", server.memory(), server.memory("VmHWM"))]
        for numbers in (range(_FEW), range(_FEW, many)):
            work = stage.background.start(_call_all(connections, iter(numbers), tally))
            while not work.done():
                stage.telling.at(f"{tally.calls:,} of {many:,} reviews, {tally.failed} failed", tally.calls, many)
                time.sleep(0.2)
            work.result()
            time.sleep(1)
            seen.append((f"{numbers.stop:,} reviews", server.memory(), server.memory("VmHWM")))
        seconds = time.monotonic() - began
    share = seen[2][1] / seen[1][1]
    text = f"memory after {many:,} reviews against memory after {_FEW:,}"
    section.checks.append(Check(text, f"{share:.1%}", f"at most {_MOST:.0%}", share <= _MOST))
    section.none_failed(f"calls failed of {many:,}", tally)
    rows = [(what, f"{now / 1024:.1f}", f"{peak / 1024:.1f}") for what, now, peak in seen]
    section.tables.append(Table(("after", "resident MiB", "peak MiB"), rows))
    section.faults["reviews"] = tally
    section.remarks.append(f"In all {tally.calls / seconds:,.0f} reviews a second, of all sizes.")
    return section


async def _dial(server: Replica, context: ssl.SSLContext) -> Connection:
    return await Connection.dial("127.0.0.1", server.slot.port, context, NAME)


async def _call_all(connections: list[Connection], numbers: Iterator[int], tally: Tally) -> None:
    make = Reviews(*_SIZES)

    async def one(connection: Connection) -> None:
        for number in numbers:
            began = time.perf_counter()
            fault = await fate(connection.call, make(number), 30)
            tally.add(time.perf_counter() - began, fault)

    await asyncio.gather(*(one(each) for each in connections))
