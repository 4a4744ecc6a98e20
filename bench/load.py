"""Calls: the load generator, a program in Go, for one slice of time and one server."""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from bench.cores import load_core, pinned_to
from bench.servers import Server
from testbed.child import dying_with_us
from testbed.control_plane.flags import LOOPBACK

Webhook = Literal["mutate", "validate"]
WEBHOOKS: tuple[Webhook, ...] = ("mutate", "validate")
_LONGEST = 300.0
"""Seconds after which a slice is given up."""
_EDGE = 0.05
"""Seconds at both ends of a slice in which the server's use of its core is not looked at: connections are made."""


class CallsFailed(RuntimeError):
    """Calls without the answer that they should have had: then nothing that was measured counts."""


@dataclass(frozen=True)
class Slice:
    """What became of the calls of one slice. Times are in microseconds."""

    calls: int
    rate: float
    """Calls a second."""
    p50: float
    p99: float
    p999: float
    cpu: float
    """What the server used of its core for one call, on average."""
    client: float
    """Which part of its own core the load generator used: near 1, it is what is measured."""
    body_bytes: int


@dataclass(frozen=True)
class Cell:
    """What is asked."""

    webhook: Webhook
    members: int
    connections: int

    @property
    def name(self) -> str:
        """For the names of figures: `mutate/2/8`."""
        return f"{self.webhook}/{self.members}/{self.connections}"


class Load:
    """The load generator."""

    def __init__(self, programs: Mapping[str, Path]) -> None:
        self._program = programs["load"]
        self._seed = 0

    def __call__(
        self,
        server: Server,
        cell: Cell,
        *,
        seconds: float | None = None,
        calls: int | None = None,
        warmup: float = 0.0,
        new_connections: bool = False,
    ) -> Slice:
        """Ask for so many seconds, or so often. Raises CallsFailed.

        In the seconds of `warmup`, and at least one call a connection, nothing is measured.
        """
        with pinned_to(load_core()):
            process = subprocess.Popen(  # noqa: S603  our own command
                dying_with_us(self._command(server, cell, seconds, calls, warmup, new_connections)),
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
                start_new_session=True,
            )
        try:
            began, used = time.perf_counter(), server.cpu
            share = None
            if seconds is not None and seconds > 4 * _EDGE:
                time.sleep(warmup + 2 * _EDGE)
                began, used = time.perf_counter(), server.cpu
                time.sleep(seconds - 3 * _EDGE)
                share = (server.cpu - used) / (time.perf_counter() - began)
            output, complaints = process.communicate(timeout=_LONGEST)
        finally:
            process.kill()
            process.wait()
        told = _told(server, cell, output, complaints)
        cpu = (server.cpu - used) / told["calls"] if share is None else share / told["rate"]
        return Slice(
            calls=told["calls"],
            rate=told["rate"],
            p50=told["p50_us"],
            p99=told["p99_us"],
            p999=told["p999_us"],
            cpu=cpu * 1e6,
            client=told["client_cpu_seconds"] / told["seconds"],
            body_bytes=told["body_bytes"],
        )

    def _command(
        self,
        server: Server,
        cell: Cell,
        seconds: float | None,
        calls: int | None,
        warmup: float,
        new_connections: bool,
    ) -> list[str]:
        self._seed = self._seed % 9999 + 1  # no two slices ask the same
        given: dict[str, object] = {
            "url": f"https://{LOOPBACK}:{server.port}/{cell.webhook}",
            "ca": server.certificates / "ca.crt",
            "webhook": cell.webhook,
            "members": cell.members,
            "connections": cell.connections,
            "seed": self._seed,
            "warmup": warmup,
            "new-connections": str(new_connections).lower(),
            "constant": str(not server.subject.decides).lower(),
            **({"seconds": seconds} if calls is None else {"calls": calls}),
        }
        return [str(self._program), *(f"--{name}={value}" for name, value in given.items())]


def _told(server: Server, cell: Cell, output: str, complaints: str) -> dict[str, Any]:
    """What the generator printed. Raises CallsFailed."""
    what = f"{server.subject.title}, {cell.webhook}, {cell.members} members, {cell.connections} connections"
    try:
        told: dict[str, Any] = json.loads(output)
    except ValueError:
        raise CallsFailed(f"{what}: the load generator said {complaints.strip() or output.strip()!r}") from None
    if told["failed"] or not told["calls"]:
        raise CallsFailed(
            f"{what}: {told['failed']} of {told['calls']} calls failed: {told.get('failure')}; {server.tail(3)}"
        )
    return told
