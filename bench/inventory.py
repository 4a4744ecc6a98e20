"""What a full cluster costs the server: a first sync, memory, and time for each decision."""

from __future__ import annotations

import contextlib
import http.client
import itertools
import ssl
import statistics
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

from tests.e2e import binaries
from tests.e2e.cluster import Cluster
from tests.e2e.credentials import ADMIN
from tests.e2e.installation import crds, define
from tests.e2e.objects import Objects
from tests.e2e.test_inventory import numbered
from tests.running import JSON, Running, body, running
from tests.test_inventory import batch

STORED = 11_000
"""Ten thousand BackupConfigurations, and a thousand BackupBatches of ten members."""


@dataclass
class Subject:
    """A server that is measured."""

    title: str
    server: Running
    sync: float
    """Seconds from its first line to readiness."""
    calls: Iterator[int] = field(default_factory=itertools.count)
    times: list[float] = field(default_factory=list)
    """Microseconds a decision, one figure a round."""

    @property
    def memory(self) -> float:
        """Resident MiB."""
        lines = Path(f"/proc/{self.server.process.pid}/status").read_text().splitlines()
        (line,) = [line for line in lines if line.startswith("VmRSS:")]
        return int(line.split()[1]) / 1024

    def round(self, calls: int) -> None:
        """Ask for decisions on new BackupBatches, one after another on one connection."""
        connection = http.client.HTTPSConnection(
            "127.0.0.1",
            self.server.port,
            context=ssl.create_default_context(cafile=self.server.certificates / "ca.crt"),
        )
        before = self._spent()
        for number in itertools.islice(self.calls, calls):
            document = batch(f"new-{number}", f"one-{number}", f"two-{number}", repository=f"new-{number}")
            connection.request("POST", "/validate", body(document, uid=f"uid-{number}", dryRun=True), JSON)
            answer = connection.getresponse()
            if answer.status != 200 or b'"allowed":true' not in answer.read():
                raise RuntimeError(f"{self.title}: call {number} was answered {answer.status}")
        connection.close()
        seconds, count = (after - was for after, was in zip(self._spent(), before, strict=True))
        self.times.append(seconds / count * 1e6)

    def _spent(self) -> tuple[float, float]:
        metrics, label = self.server.metrics(), (("webhook", "validate"),)
        name = "stash_admission_decision_seconds"
        return metrics.get((f"{name}_sum", label), 0.0), metrics.get((f"{name}_count", label), 0.0)


@dataclass(frozen=True)
class Row:
    """What was measured of one server."""

    title: str
    sync: float
    memory: float
    median: float
    least: float
    most: float


def measure(folder: Path, rounds: int, calls: int) -> list[Row]:
    """Three servers side by side, each asked in turn: without inventory, of an empty cluster, of a full one."""
    with contextlib.ExitStack() as stack:
        empty, full = (stack.enter_context(Cluster(binaries.find_or_build())) for _ in range(2))
        for cluster in (empty, full):
            define(cluster, crds())
            cluster.kubectl("create", "namespace", "demo")
        _fill(full)
        subjects = [
            stack.enter_context(_serving(folder / "none", "no inventory", None)),
            stack.enter_context(_serving(folder / "empty", "an empty cluster", empty)),
            stack.enter_context(_serving(folder / "full", f"a cluster with {STORED:,} backups", full)),
        ]
        for _ in range(rounds + 1):  # the first warms up
            for subject in subjects:
                subject.round(calls)
        return [_row(subject) for subject in subjects]


def _row(subject: Subject) -> Row:
    times = subject.times[1:]
    return Row(subject.title, subject.sync, subject.memory, statistics.median(times), min(times), max(times))


def _fill(cluster: Cluster) -> None:
    objects = Objects(cluster)
    with ThreadPoolExecutor(8) as pool:
        if set(pool.map(lambda number: objects.create(numbered(number)).status, range(STORED))) != {201}:
            raise RuntimeError("an object was not stored")
    objects.close()


@contextlib.contextmanager
def _serving(folder: Path, title: str, cluster: Cluster | None) -> Iterator[Subject]:
    folder.mkdir()
    flags = [] if cluster is None else ["--inventory", "cluster"]
    variables = {} if cluster is None else {"KUBECONFIG": str(cluster.credentials.kubeconfig(ADMIN))}
    with running(folder, *flags, variables=variables, ready=False) as server:
        started = time.monotonic()
        while server.manage("/readyz").status_code != 200:
            time.sleep(0.02)
        yield Subject(title, server, time.monotonic() - started)
