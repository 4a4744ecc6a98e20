"""Connections that are idle between calls."""

from __future__ import annotations

import asyncio
import base64
import copy
import ssl
import time
from concurrent.futures import Future
from typing import Any

from proof.calls import NAME, Creations, Reviews
from proof.connection import CallFailed, Connection
from proof.load import fate
from proof.pool import Pool
from proof.replicas import replicas, slots
from proof.section import Check, Section, Table
from proof.stage import Stage, issue, registration, trusting, wait_until_asked
from proof.tally import Tally
from testbed.control_plane.installation import NAME as INSTALLED

_PAUSES = (1, 2, 5, 10, 20, 30, 45, 60, 75, 85, 89, 92, 95)
"""Seconds. The API server closes a connection that was idle for 90."""
_EACH = 20
"""Connections of each kind and pause."""
_AT_ONCE = 3
"""Creations at once, so that the API server's pool holds some connections."""
_MOST = 10

_HOW = f"""\
For each pause, {_EACH} connections make a call, are idle that long, and make another call on the same connection, and
{_EACH} more are opened and used for the first time after that long (Go keeps such connections in its pool). For each
pause there are also webhooks of their own in the API server, so that it keeps connections for them alone: {_AT_ONCE}
creations at once, the pause, and again, for as long as the longest pause or {_MOST} times."""


class Idle:
    """What happened at one pause."""

    def __init__(self, pause: int) -> None:
        self.pause = pause
        self.used, self.unused, self.created = Tally(), Tally(), Tally()
        self.closed = 0
        """Connections that the server closed while they were idle."""

    async def use(self, port: int, context: ssl.SSLContext, first: bool) -> None:
        """A connection that is idle after a call (`first`) or from its beginning."""
        tally, make = (self.used if first else self.unused), Reviews(2)
        try:
            connection = await Connection.dial("127.0.0.1", port, context, NAME)
        except CallFailed as failed:
            tally.add(0, str(failed))
            return
        for number in range(2 if first else 1):
            if number or not first:
                await asyncio.sleep(self.pause)
            if not connection.alive:
                self.closed += 1
            began = time.perf_counter()
            fault = await fate(connection.call, make(number), 5)
            tally.add(time.perf_counter() - began, fault)
        connection.close()

    async def create(self, port: int, context: ssl.SSLContext) -> None:
        """Creations through the API server, with pauses."""
        pool, make, number = Pool(port, lambda: context, "localhost", fresh=True), Creations(_namespace(self.pause)), 0

        async def one(number: int) -> None:
            began = time.perf_counter()
            fault = await fate(pool.call, make(number), 15)
            self.created.add(time.perf_counter() - began, fault)

        for burst in range(min(max(_PAUSES) // self.pause, _MOST) + 1):
            await asyncio.sleep(self.pause if burst else 0)
            await asyncio.gather(*(one(number + i) for i in range(_AT_ONCE)))
            number += _AT_ONCE


def measure(stage: Stage) -> Section:
    """The calls that fail after a pause."""
    folder = stage.folder("idle")
    certificates, ca = issue(folder, *(f"{_namespace(pause)}.{INSTALLED}.svc" for pause in _PAUSES))
    every = [Idle(pause) for pause in _PAUSES]
    with replicas(certificates, folder, *slots(1)) as (server,):
        port, context = server.slot.port, trusting(ca)
        _register(stage, port, base64.b64encode(ca).decode())
        api_port = int(stage.cluster.server.rpartition(":")[2])
        api_context = stage.cluster.credentials.client_context()
        work: list[Future[None]] = []
        for each in every:
            work += [stage.background.start(each.use(port, context, i % 2 == 0)) for i in range(2 * _EACH)]
            work.append(stage.background.start(each.create(api_port, api_context)))
        began = time.monotonic()
        while not all(each.done() for each in work):
            failed = sum(tally.failed for each in every for tally in (each.used, each.unused, each.created))
            stage.telling.at(f"{failed} failed", time.monotonic() - began, max(_PAUSES) + 1)
            time.sleep(0.3)
        for done in work:
            done.result()
    return _section(every)


def _section(every: list[Idle]) -> Section:
    section = Section("Idle connections", _HOW)
    between = f"with {min(_PAUSES)} to {max(_PAUSES)} s between calls"
    section.none_failed(f"calls failed {between}", *(t for each in every for t in (each.used, each.unused)))
    section.none_failed(f"creations failed {between}, through the API server", *(each.created for each in every))
    closed = sum(each.closed for each in every)
    section.checks.append(Check("idle connections closed by the server", str(closed), "0", closed == 0))
    headings = (
        *("pause", "calls, same connection", "failed", "first calls, new connection", "failed"),
        *("closed while idle", "creations", "failed"),
    )
    rows: list[tuple[str, ...]] = []
    for each in every:
        counts = [str(n) for t in (each.used, each.unused) for n in (t.calls, t.failed)]
        rows.append((f"{each.pause} s", *counts, str(each.closed), str(each.created.calls), str(each.created.failed)))
        section.faults |= {
            f"{each.pause} s, same connection": each.used,
            f"{each.pause} s, new connection": each.unused,
            f"{each.pause} s, through the API server": each.created,
        }
    section.tables.append(Table(headings, rows))
    return section


def _namespace(pause: int) -> str:
    """A pause's namespace, and its Service."""
    return f"idle-{pause}"


def _register(stage: Stage, port: int, bundle: str) -> None:
    """The webhooks as shipped, once for each pause: another Service is another pool in the API server."""
    configurations = registration(port, bundle)
    for configuration in configurations:
        (shipped,) = configuration["webhooks"]
        configuration["webhooks"] = [_for(shipped, pause) for pause in _PAUSES]
    namespaces = [stage.namespace(_namespace(pause)) for pause in _PAUSES]
    stage.register(configurations, *namespaces)
    with stage.api() as api:
        for pause in _PAUSES:
            wait_until_asked(api, _namespace(pause))


def _for(shipped: dict[str, Any], pause: int) -> dict[str, Any]:
    webhook = copy.deepcopy(shipped)
    webhook["name"] = f"{_namespace(pause)}.{shipped['name']}"
    webhook["clientConfig"]["service"]["name"] = _namespace(pause)
    only = {"key": "kubernetes.io/metadata.name", "operator": "In", "values": [_namespace(pause)]}
    webhook["namespaceSelector"] = {"matchExpressions": [only]}
    return webhook
