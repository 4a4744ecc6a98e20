"""The server, asked as its callers ask it: in this process through ASGI, or in a process of its own over TLS."""

import asyncio
import contextlib
import datetime
import json
import os
import signal
import socket
import ssl
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any

import httpx
import orjson
from fastapi import FastAPI
from prometheus_client.parser import text_string_to_metric_families

from app.admission.engine import Admission
from app.server import management, webhooks
from app.server.claims import Unclaimed
from app.server.observability.telemetry import Telemetry
from app.server.transport.in_flight import InFlightRequests
from app.settings import PREFIX
from certs.files import write
from certs.issuing import issue_ca, issue_leaf
from testbed.child import dying_with_us
from testbed.forks import Forked, ForkServer
from testbed.patience import PATIENCE, eventually
from testbed.reviews import Document, review

_NOBODY = 65534
UNHURRIED = """
from app.server import limits
limits.QUIET_SECONDS = limits.GRACE_SECONDS = limits.UVICORN_GRACE_SECONDS = 3600
from app.cli import main
main()
"""
"""The server, which waits for an hour for whatever it waits for at its end: it ends in a test for another reason."""
PROGRAM = ("-m", "app")
"""What Python runs to be `stash-admission`."""
forks: ForkServer | None = None
"""What starts servers without importing the program for each."""
JSON = {"content-type": "application/json"}
Series = dict[tuple[str, tuple[tuple[str, str], ...]], float]
"""Values of metrics by name and sorted labels."""


def backup(**spec: Any) -> Document:
    """A BackupConfiguration that no rule changes, refuses or warns of; keyword arguments replace fields of its spec."""
    return {
        "apiVersion": "stash.appscode.com/v1beta1",
        "kind": "BackupConfiguration",
        "metadata": {"name": "shop", "namespace": "demo"},
        "spec": {
            "repository": {"name": "gcs-repo"},
            "schedule": "*/5 * * * *",
            "target": {
                "alias": "app",
                "ref": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"},
                "paths": ["/data"],
            },
            "retentionPolicy": {"name": "keep-last-5", "keepLast": 5, "prune": True},
            **spec,
        },
    }


def body(document: Any = None, old: Any = None, **request: Any) -> bytes:
    """A review in compact JSON, of a good object if none is given."""
    return orjson.dumps(review(backup() if document is None else document, old, **request))


def series(text: str) -> Series:
    """The series of a page of metrics."""
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


_DECISIONS = "stash_admission_decisions_total"


class Door:
    """Both webhooks and the management port, in this process."""

    def __init__(
        self,
        levels: Mapping[str, str] | None = None,
        most: int = 256,
        admission: Admission | None = None,
        telemetry: Telemetry | None = None,
    ) -> None:
        telemetry = telemetry or Telemetry()
        self.traffic = InFlightRequests(most=most)
        self.not_ready: str | None = None
        admission = admission or Admission(levels)
        self.webhooks = webhooks.create_app(admission, telemetry.calls, self.traffic, Unclaimed(admission.inventory))
        self.management = management.create_app(telemetry.metrics, lambda: None, lambda: self.not_ready)

    async def request(
        self,
        content: bytes | AsyncIterator[bytes] = b"",
        path: str = "/validate",
        method: str = "POST",
        headers: Mapping[str, str] | None = None,
        app: FastAPI | None = None,
    ) -> httpx.Response:
        """The answer to one call."""
        transport = httpx.ASGITransport(app or self.webhooks)
        async with httpx.AsyncClient(transport=transport, base_url="https://webhook.test") as client:
            return await client.request(method, path, content=content, headers=JSON if headers is None else headers)

    def call(
        self,
        content: bytes | AsyncIterator[bytes] = b"",
        path: str = "/validate",
        method: str = "POST",
        headers: Mapping[str, str] | None = None,
    ) -> httpx.Response:
        """The answer to one call of a webhook."""
        return asyncio.run(self.request(content, path, method, headers))

    def manage(self, path: str, method: str = "GET") -> httpx.Response:
        """The answer to one call of the management port."""
        return asyncio.run(self.request(path=path, method=method, app=self.management))

    def metrics(self) -> Series:
        """The series that `/metrics` shows."""
        return series(self.manage("/metrics").text)


@dataclass
class Running:
    """A server in a process of its own."""

    process: subprocess.Popen[bytes] | Forked
    folder: Path
    certificates: Path
    port: int = 0
    management_port: int = 0
    verifying: ssl.SSLContext = field(init=False)
    """What a client needs to verify the server."""

    def __post_init__(self) -> None:
        self.verifying = ssl.create_default_context(cafile=self.certificates / "ca.crt")

    @property
    def url(self) -> str:
        """Where the webhooks are."""
        return f"https://127.0.0.1:{self.port}"

    @property
    def log(self) -> list[dict[str, Any]]:
        """The lines on standard output, with those of all calls that were answered."""
        if self.management_port and self.process.poll() is None:
            with contextlib.suppress(httpx.TransportError):
                made = sum(value for (name, _), value in self.metrics().items() if name == _DECISIONS)
                # A line is written within 10 ms after its answer.
                return eventually(lambda: self._lines(at_least=made), every=0.005)
        return self._lines(at_least=0) or []

    def _lines(self, at_least: float) -> list[dict[str, Any]] | None:
        """The log so far; None if there are not so many decisions in it."""
        lines: list[dict[str, Any]] = [json.loads(line) for line in (self.folder / "stdout").read_text().splitlines()]
        return lines if sum(line["event"] == "decided" for line in lines) >= at_least else None

    @property
    def complaints(self) -> str:
        """Standard error."""
        return (self.folder / "stderr").read_text()

    def client(self, **options: Any) -> httpx.Client:
        """A client that verifies the certificate."""
        common = {"verify": self.verifying, "trust_env": False, "headers": JSON, "timeout": PATIENCE}
        return httpx.Client(base_url=self.url, **{**common, **options})

    def call(self, content: bytes, path: str = "/validate") -> httpx.Response:
        """The answer to one call on a connection of its own."""
        with self.client() as client:
            return client.post(path, content=content)

    def manage(self, path: str) -> httpx.Response:
        """The answer of the management port."""
        url = f"http://127.0.0.1:{self.management_port}{path}"
        # Without a context httpx reads all authorities of the world, which takes longer than the call.
        return httpx.get(url, verify=self.verifying, trust_env=False, timeout=PATIENCE)

    def connect(self, context: ssl.SSLContext | None = None) -> ssl.SSLSocket:
        """A TLS connection, to send any bytes on."""
        plain = socket.create_connection(("127.0.0.1", self.port), timeout=PATIENCE)
        try:
            return (context or self.verifying).wrap_socket(plain, server_hostname="localhost")
        except BaseException:
            plain.close()
            raise

    def metrics(self) -> Series:
        """The series that `/metrics` shows."""
        return series(self.manage("/metrics").text)

    def signal(self, number: signal.Signals) -> None:
        """Send a signal."""
        self.process.send_signal(number)

    def exit_code(self) -> int:
        """The exit code of the process, which ends by itself."""
        return self.process.wait(PATIENCE)


@contextlib.contextmanager
def unprivileged() -> Iterator[None]:
    """Without root's right to pass over permissions, which others never have."""
    if os.geteuid() != 0:
        yield
        return
    os.seteuid(_NOBODY)
    try:
        yield
    finally:
        os.seteuid(0)


def issue(directory: Path, *names: str) -> None:
    """What `stash-certs issue` does for a directory."""
    now = datetime.datetime.now(datetime.UTC)
    ca = issue_ca(now)
    write(directory, ca, issue_leaf(ca, list(names), now))


def environment(**variables: str) -> dict[str, str]:
    """The environment without settings of the server, and with these variables."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(PREFIX)}
    return kept | variables


@contextlib.contextmanager
def running(
    folder: Path,
    *flags: str,
    certificates: Path | None = None,
    program: Sequence[str] | None = None,
    ready: bool = True,
    variables: Mapping[str, str] = MappingProxyType({}),
) -> Iterator[Running]:
    """A server that is ready, with a certificate for localhost and 127.0.0.1 in the folder if none is given.

    `program` is what Python is to run; without it the server is forked where `forks` is set, else it is the program.
    `variables` are of its environment. Without `ready` it is only known where the server listens.
    """
    if certificates is None:
        certificates = folder / "certs"
        issue(certificates, "localhost", "127.0.0.1")
    arguments = ["serve", "--port", "0", "--management-port", "0", "--cert-dir", str(certificates), *flags]
    process: subprocess.Popen[bytes] | Forked
    with (folder / "stdout").open("wb") as stdout, (folder / "stderr").open("wb") as stderr:
        if forks and program is None:
            process = forks.start(arguments, environment(**variables), stdout.fileno(), stderr.fileno())
        else:
            process = subprocess.Popen(
                dying_with_us([sys.executable, *(program or PROGRAM), *arguments]),
                env=environment(**variables),
                stdin=subprocess.DEVNULL,
                stdout=stdout,
                stderr=stderr,
                start_new_session=True,
            )
    it = Running(process, folder, certificates)
    try:
        _wait_until_ready(it, ready)
        yield it
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGINT)
            try:
                process.wait(PATIENCE)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait(PATIENCE)
                raise


def _wait_until_ready(it: Running, ready: bool) -> None:
    def is_ready() -> bool:
        assert it.process.poll() is None, it.complaints
        for line in it.log:
            if line["event"] == "serving":
                it.port = int(line["webhooks"].rpartition(":")[2])
                it.management_port = int(line["management"].rpartition(":")[2])
        with contextlib.suppress(httpx.TransportError):
            if it.management_port and (it.manage("/readyz").status_code == 200 or not ready):
                return True
        return False

    eventually(is_ready, says=lambda: it.complaints)
