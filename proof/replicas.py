"""Replicas: real server processes on fixed ports, signalled and waited for as the kubelet does it."""

from __future__ import annotations

import contextlib
import re
import signal
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx

from testbed.child import Child
from testbed.control_plane.flags import free_ports
from testbed.server import environment


class NotReady(RuntimeError):
    """Something did not become ready, or did not end, in time. The message says what."""


@dataclass(frozen=True)
class Slot:
    """Where one replica listens."""

    name: str
    port: int
    management_port: int


def slots(count: int) -> list[Slot]:
    """Slots on free ports."""
    ports = free_ports(2 * count)
    return [Slot(f"slot{i}", ports[2 * i], ports[2 * i + 1]) for i in range(count)]


class Replica(Child):
    """One server process."""

    def __init__(self, slot: Slot, certificates: Path, folder: Path, *flags: str) -> None:
        """Start it; it is not yet ready."""
        self.slot = slot
        command = [sys.executable, "-m", "app", "serve", "--port", str(slot.port)]
        command += ["--management-port", str(slot.management_port), "--cert-dir", str(certificates), *flags]
        super().__init__(command, folder / f"{slot.name}.log", environment())

    @property
    def _status(self) -> Path:
        return Path(f"/proc/{self.pid}/status")

    @property
    def is_ready(self) -> bool:
        """Whether `/readyz` says so."""
        with contextlib.suppress(httpx.TransportError):
            return self._get("/readyz").status_code == 200
        return False

    def wait_until_ready(self, seconds: float = 30) -> None:
        """Return when it is ready. Raises NotReady."""
        until = time.monotonic() + seconds
        while not self.is_ready:
            if not self.running or time.monotonic() > until:
                raise NotReady(f"a replica was not ready within {seconds:g} s: {self.tail(3)}")
            time.sleep(0.1)

    def metrics(self, prefix: str) -> dict[str, float]:
        """The counters that begin so and are not 0, as `/metrics` names them."""
        lines = re.findall(rf"(?m)^({prefix}\S*(?:{{.*}})?) (\S+)$", self._get("/metrics").text)
        return {name: float(value) for name, value in lines if float(value)}

    def memory(self, which: str = "VmRSS") -> int:
        """Resident memory in KiB: `VmRSS` of now, `VmHWM` at its peak."""
        if self.running and (found := re.search(rf"{which}:\s+(\d+) kB", self._status.read_text())):
            return int(found[1])
        raise NotReady(f"a replica ended by itself: {self.tail(3)}")

    def terminate(self) -> None:
        """Send SIGTERM."""
        self._process.send_signal(signal.SIGTERM)

    def exit_code(self, seconds: float = 40) -> int | None:
        """The exit code of a replica that ends by itself within so many seconds; None if it does not.

        40: the `terminationGracePeriodSeconds` of the Deployment, after which the kubelet kills it.
        """
        until = time.monotonic() + seconds
        while self.running and time.monotonic() < until:  # a wait that Ctrl-C interrupts
            time.sleep(0.02)
        return self._process.poll()

    def _get(self, path: str) -> httpx.Response:
        return httpx.get(f"http://127.0.0.1:{self.slot.management_port}{path}", trust_env=False, timeout=5)


@contextlib.contextmanager
def replicas(certificates: Path, folder: Path, *places: Slot) -> Iterator[list[Replica]]:
    """A ready replica in each slot. The list is the caller's to change: what is in it at the end is ended."""
    started: list[Replica] = []
    try:
        for slot in places:
            started.append(Replica(slot, certificates, folder))  # noqa: PERF401 -- those before an error must end
        for each in started:
            each.wait_until_ready()
        yield started
    finally:
        for each in started:
            each.stop(grace=0)
