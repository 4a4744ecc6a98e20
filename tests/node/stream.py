"""A steady stream of creations through the API server, counted by what happens meanwhile."""

from __future__ import annotations

import contextlib
import http.client
import itertools
import json
import ssl
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from testbed.patience import eventually

RATE = 30
"""Creations a second."""
_THREADS = 8


@dataclass
class Phase:
    """What came of the creations that began while something happened."""

    name: str
    checked: bool = True
    """Whether the webhooks have to have been asked. Where they need not, an object without an alias is no failure."""
    created: int = 0
    unchecked: int = 0
    failed: list[str] = field(default_factory=list)
    slowest: float = 0.0
    """Seconds that the slowest creation took."""
    seconds: float = 0.0
    first_failure: float = 0.0
    last_failure: float = 0.0
    in_a_row: int = 0
    """Creations that have succeeded since the last that failed."""
    under_way: int = 0
    """Creations that have begun and not ended."""

    def row(self) -> dict[str, Any]:
        """What the page is written from."""
        gap = self.last_failure - self.first_failure if self.failed else 0.0
        return {
            "name": self.name, "created": self.created, "failed": len(self.failed), "unchecked": self.unchecked,
            "seconds": self.seconds, "slowest": self.slowest, "gap": gap,
        }  # fmt: skip


class Stream:
    """Threads that create BackupBatches, each for a Repository of its own, none with an alias."""

    def __init__(self, port: int, pki: Path) -> None:
        self._port = port
        self._context = ssl.create_default_context(cafile=str(pki / "ca.crt"))
        self._context.load_cert_chain(pki / "admin.crt", pki / "admin.key")
        self._numbers = itertools.count()
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self._phase = Phase("before", checked=False)
        self._threads = [threading.Thread(target=self._work, args=(number,)) for number in range(_THREADS)]

    def start(self) -> None:
        """Begin to create."""
        for each in self._threads:
            each.start()

    def stop(self) -> None:
        """Create no more."""
        self._stop.set()
        for each in self._threads:
            each.join()

    @contextlib.contextmanager
    def during(self, name: str, *, checked: bool = True, at_least: int = 60) -> Iterator[Phase]:
        """The creations while something happens, and so many at least. What has begun in it belongs to it."""
        phase, before = Phase(name, checked), self._phase
        started = time.monotonic()
        self._phase = phase
        try:
            yield phase
            while phase.created < at_least:
                self.goes_on(phase)
        finally:
            with self._lock:
                self._phase = Phase("between", checked=before.checked and checked)
            eventually(lambda: not phase.under_way)
            phase.seconds = time.monotonic() - started

    def goes_on(self, phase: Phase) -> None:
        """Wait for one more creation that succeeds."""
        seen = phase.created
        eventually(lambda: phase.created > seen, says=lambda: phase)

    def calms(self, phase: Phase) -> None:
        """Wait for a hundred creations in a row that succeed."""
        eventually(lambda: phase.in_a_row >= 100, says=lambda: phase)

    def _work(self, number: int) -> None:
        connection: http.client.HTTPSConnection | None = None
        due = time.monotonic() + number / RATE
        while not self._stop.wait(max(0.0, due - time.monotonic())):
            due = max(due + _THREADS / RATE, time.monotonic() - 1)
            with self._lock:
                phase, start = self._phase, time.monotonic()
                phase.under_way += 1
            try:
                if connection is None:
                    connection = http.client.HTTPSConnection("127.0.0.1", self._port, context=self._context, timeout=30)
                said = self._create(connection)
            except (OSError, http.client.HTTPException) as error:
                if connection is not None:
                    connection.close()
                connection, said = None, repr(error)
            self._count(phase, said, time.monotonic() - start)
        if connection is not None:
            connection.close()

    def _create(self, connection: http.client.HTTPSConnection) -> str | None:
        """Why an object was not created; empty if it was, None if it was and nobody was asked."""
        path = "/apis/stash.appscode.com/v1beta1/namespaces/stream/backupbatches"
        body = json.dumps(_batch(next(self._numbers)))
        connection.request("POST", path, body, {"Content-Type": "application/json"})
        response = connection.getresponse()
        text = response.read()
        if response.status != 201:
            return f"{response.status}: {json.loads(text).get('message', '')[:300]}"
        return "" if "alias" in json.loads(text)["spec"]["members"][0]["target"] else None

    def _count(self, phase: Phase, said: str | None, seconds: float) -> None:
        with self._lock:
            phase.under_way -= 1
            phase.slowest = max(phase.slowest, seconds)
            if said:
                phase.failed.append(said)
            elif said is None and phase.checked:
                phase.failed.append("created, and no webhook was asked")
            else:
                phase.created += 1
                phase.in_a_row += 1
                phase.unchecked += said is None
                return
            phase.in_a_row = 0
            phase.last_failure = time.monotonic()
            phase.first_failure = phase.first_failure or phase.last_failure - seconds


def _batch(number: int) -> dict[str, Any]:
    target = {"ref": {"apiVersion": "apps/v1", "kind": "Deployment", "name": f"w{number}"}, "paths": ["/data"]}
    return {
        "apiVersion": "stash.appscode.com/v1beta1",
        "kind": "BackupBatch",
        "metadata": {"name": f"s{number}", "namespace": "stream"},
        "spec": {
            "repository": {"name": f"r{number}"},
            "schedule": "*/5 * * * *",
            "retentionPolicy": {"name": "k", "keepLast": 5, "prune": True},
            "members": [{"target": target}],
        },
    }
