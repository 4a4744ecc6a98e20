"""The servers that are compared: how each is started, and what it uses."""

from __future__ import annotations

import contextlib
import http.client
import re
import ssl
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import orjson

from bench.cores import cpu_seconds, pinned_to, server_core
from bench.peers.running import command
from proof.calls import batch
from testbed.child import Child
from testbed.control_plane.flags import LOOPBACK, free_ports
from testbed.reviews import review
from testbed.server import JSON, environment

ROOT = Path(__file__).parents[1]
_RESOURCE = {"group": "stash.appscode.com", "version": "v1beta1", "resource": "backupbatches"}
_FIRST = orjson.dumps(review(batch("shop", "first", "first", 2), resource=_RESOURCE))
"""A review that tells whether a server answers."""


class NotReady(RuntimeError):
    """A server did not answer. The message says which, and what it said."""


@dataclass(frozen=True)
class Subject:
    """Something that is measured."""

    key: str
    """In the names of figures."""
    title: str
    """On the page."""
    command: Callable[[Mapping[str, Path], int, Path], list[str]]
    """How it is started: from the programs that were built, a port, and a folder with `tls.crt` and `tls.key`."""
    decides: bool = True
    """Whether its answers are decisions, and checked."""


def _ours(*flags: str) -> Callable[[Mapping[str, Path], int, Path], list[str]]:
    def ours(_: Mapping[str, Path], port: int, certificates: Path) -> list[str]:
        # -P: what is imported is what PYTHONPATH says, not what the current folder holds.
        python = [sys.executable, "-P", "-m", "app", "serve", "--port", str(port), "--management-port", "0"]
        return [*python, "--cert-dir", str(certificates), *flags]

    return ours


def _peer(name: str) -> Callable[[Mapping[str, Path], int, Path], list[str]]:
    return lambda programs, port, certificates: command(name, programs, port, certificates)


OURS = Subject("ours", "this server", _ours("--inventory", "none"))
NET_HTTP = Subject("nethttp", "Go, net/http", _peer("nethttp"))
CONTROLLER_RUNTIME = Subject("controllerruntime", "Go, controller-runtime", _peer("controllerruntime"))
KOPF = Subject("kopf", "kopf", _peer("kopf"))
USUAL = Subject("usual", "FastAPI, the usual way", _peer("usual"))
FLOOR = Subject("floor", "uvicorn, a constant", _peer("floor"), decides=False)
SUBJECTS = (OURS, CONTROLLER_RUNTIME, NET_HTTP, KOPF, USUAL, FLOOR)
"""In the order of the tables."""


def knowing(folder: Path) -> Subject:
    """Our server with an inventory, read from manifests in a folder."""
    return Subject("knowing", "this server, with an inventory", _ours("--inventory", str(folder)))


class Server(Child):
    """A subject that runs. What it logs goes to a file."""

    def __init__(
        self, subject: Subject, programs: Mapping[str, Path], certificates: Path, folder: Path, source: Path = ROOT
    ) -> None:
        """Start it; it does not yet answer. `source` is the checkout that Python imports from."""
        self.subject = subject
        self.certificates = certificates
        (self.port,) = free_ports(1)
        started = subject.command(programs, self.port, certificates)
        # The servers have one core, so this is what Go is told of it in a container.
        variables = environment(PYTHONPATH=str(source), GOMAXPROCS="1")
        super().__init__(started, folder / f"{subject.key}-{self.port}.log", variables)

    @property
    def cpu(self) -> float:
        """Seconds of the processors that it has used."""
        return cpu_seconds(self.pid)

    def memory(self, which: str = "VmRSS") -> float:
        """Resident memory in MB (10^6 bytes): `VmRSS` of now, `VmHWM` at its peak."""
        found = re.search(rf"{which}:\s+(\d+) kB", Path(f"/proc/{self.pid}/status").read_text())
        if not self.running or found is None:
            raise NotReady(f"{self.subject.title} ended by itself: {self.tail(3)}")
        return int(found[1]) * 1024 / 1e6

    def wait_until_answering(self, seconds: float = 60, every: float = 0.05) -> None:
        """Return after its first answer to a review over TLS. Raises NotReady."""
        trusted = ssl.create_default_context(cafile=self.certificates / "ca.crt")
        until = time.monotonic() + seconds
        while not self._answers(trusted):
            if not self.running or time.monotonic() > until:
                raise NotReady(f"{self.subject.title} did not answer within {seconds:g} s: {self.tail(5)}")
            time.sleep(every)

    def _answers(self, trusted: ssl.SSLContext) -> bool:
        connection = http.client.HTTPSConnection(LOOPBACK, self.port, context=trusted, timeout=10)
        try:
            connection.request("POST", "/validate", _FIRST, JSON)
            return connection.getresponse().status == 200
        except OSError:
            return False
        finally:
            connection.close()


@contextlib.contextmanager
def serving(
    subjects: Iterable[Subject],
    programs: Mapping[str, Path],
    certificates: Path,
    folder: Path,
    *,
    source: Path = ROOT,
    pinned: bool = True,
) -> Iterator[list[Server]]:
    """All of them, answering; `pinned` to the core of the servers."""
    started: list[Server] = []
    try:
        for subject in subjects:
            with pinned_to(server_core()) if pinned else contextlib.nullcontext():
                started.append(Server(subject, programs, certificates, folder, source))
        for each in started:
            each.wait_until_answering()
        yield started
    finally:
        for each in started:
            each.stop(grace=0)
