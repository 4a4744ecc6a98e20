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

from bench.result import Section, Table, number
from bench.setting import Setting
from testbed.control_plane import binaries
from testbed.control_plane.cluster import Cluster
from testbed.control_plane.credentials import ADMIN
from testbed.control_plane.installation import crds, define
from testbed.control_plane.objects import Objects
from testbed.objects import batch, numbered
from testbed.server import JSON, Running, body, running

_HOW = """\
Three processes of this server, asked in turn: {rounds} rounds of {calls:,} calls each on one connection, every call
a new BackupBatch of two members with names of its own. The time is the server's, from the last byte of a review to its
answer, as `stash_admission_decision_seconds` has it: medians of the rounds. The full cluster holds {stored:,}
BackupConfigurations and BackupBatches. Two API servers run on the same machine meanwhile, and nothing is pinned."""


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
        """Resident, in MB (10^6 bytes)."""
        lines = Path(f"/proc/{self.server.process.pid}/status").read_text().splitlines()
        (line,) = [line for line in lines if line.startswith("VmRSS:")]
        return int(line.split()[1]) * 1024 / 1e6

    def round(self, calls: int) -> None:
        """Ask for decisions on new BackupBatches, one after another on one connection."""
        connection = http.client.HTTPSConnection(
            "127.0.0.1",
            self.server.port,
            context=ssl.create_default_context(cafile=self.server.certificates / "ca.crt"),
        )
        before = self._spent()
        for call in itertools.islice(self.calls, calls):
            document = batch(f"new-{call}", f"one-{call}", f"two-{call}", repository=f"new-{call}")
            connection.request("POST", "/validate", body(document, uid=f"uid-{call}", dryRun=True), JSON)
            answer = connection.getresponse()
            if answer.status != 200 or b'"allowed":true' not in answer.read():
                raise RuntimeError(f"{self.title}: call {call} was answered {answer.status}")
        connection.close()
        seconds, count = (after - was for after, was in zip(self._spent(), before, strict=True))
        self.times.append(seconds / count * 1e6)

    def _spent(self) -> tuple[float, float]:
        metrics, label = self.server.metrics(), (("webhook", "validate"),)
        name = "stash_admission_decision_seconds"
        return metrics.get((f"{name}_sum", label), 0.0), metrics.get((f"{name}_count", label), 0.0)


def measure(setting: Setting) -> Section:
    """Three servers side by side, each asked in turn: without inventory, of an empty cluster, of a full one."""
    scale, folder = setting.scale, setting.room("cluster")
    setting.telling.at("starting two API servers")
    setting.binaries = binaries.find_or_build()
    with contextlib.ExitStack() as stack:
        empty, full = (stack.enter_context(Cluster(setting.binaries)) for _ in range(2))
        for cluster in (empty, full):
            define(cluster, crds())
            cluster.kubectl("create", "namespace", "demo")
        setting.telling.at(f"storing {scale.stored:,} backups")
        _fill(full, scale.stored)
        subjects = [
            stack.enter_context(_serving(folder / "none", "no inventory", None)),
            stack.enter_context(_serving(folder / "empty", "an empty cluster", empty)),
            stack.enter_context(_serving(folder / "full", f"a cluster with {scale.stored:,} backups", full)),
        ]
        calls = scale.calls // 100
        for turn in range(scale.rounds + 1):  # the first warms up
            setting.telling.at(f"round {turn} of {scale.rounds}", turn, scale.rounds + 1)
            for subject in subjects:
                subject.round(calls)
        section = Section("A full cluster", _HOW.format(rounds=scale.rounds, calls=calls, stored=scale.stored))
        rows = [_row(subject) for subject in subjects]
    headings = ("the server knows", "ready after s", "MB", "a decision µs", "rounds µs")
    section.tables.append(Table(headings, rows))
    return section


def _row(subject: Subject) -> tuple[str, ...]:
    times = subject.times[1:]
    seen = (subject.sync, subject.memory, statistics.median(times))
    return (subject.title, *map(number, seen), f"{min(times):.0f} to {max(times):.0f}")


def _fill(cluster: Cluster, count: int) -> None:
    objects = Objects(cluster)
    with ThreadPoolExecutor(8) as pool:
        if set(pool.map(lambda number: objects.create(numbered(number)).status, range(count))) != {201}:
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
