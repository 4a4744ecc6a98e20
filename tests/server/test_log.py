"""The log of a server whose output nobody takes any more."""

import contextlib
import os
import select
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import orjson
import pytest

from testbed.patience import PATIENCE
from testbed.server import Running, body, environment, issue

CALLS = 200
"""More lines than Python keeps back before it writes."""


@contextlib.contextmanager
def serving(folder: Path) -> Iterator[tuple[Running, int]]:
    """A server whose log is a pipe, and the end of the pipe from which its first lines were read."""
    certificates = folder / "certs"
    issue(certificates, "localhost", "127.0.0.1")
    command = [sys.executable, "-m", "app", "serve", "--port", "0", "--management-port", "0"]
    reading, writing = os.pipe()
    with (folder / "stderr").open("wb") as stderr:
        process = subprocess.Popen(
            [*command, "--cert-dir", str(certificates), "--drain-seconds", "0"],
            env=environment(),
            stdin=subprocess.DEVNULL,
            stdout=writing,
            stderr=stderr,
            start_new_session=True,
        )
    os.close(writing)
    it = Running(process, folder, certificates)
    said = b""
    try:
        while b'"ready"' not in said:
            assert select.select([reading], [], [], PATIENCE)[0], it.complaints
            part = os.read(reading, 65536)
            assert part, it.complaints
            said += part
        serving = next(line for line in map(orjson.loads, said.splitlines()) if line["event"] == "serving")
        it.port, it.management_port = (int(serving[each].rpartition(":")[2]) for each in ("webhooks", "management"))
        yield it, reading
    finally:
        if process.poll() is None:
            process.kill()
            process.wait(PATIENCE)
        with contextlib.suppress(OSError):
            os.close(reading)


@pytest.mark.parametrize("calls_before", [0, 3])
def test_who_reads_the_log_no_more_still_gets_decisions(tmp_path: Path, calls_before: int) -> None:
    with serving(tmp_path) as (server, reading):
        with server.client() as client:
            for _ in range(calls_before):
                assert client.post("/validate", content=body()).status_code == 200
            os.close(reading)
            assert {client.post("/validate", content=body()).status_code for _ in range(CALLS)} == {200}
            assert client.post("/validate", content=b"{").status_code == 400
        decided = sum(value for (name, _), value in server.metrics().items() if name.endswith("_decisions_total"))
        assert decided == calls_before + CALLS
        server.signal(signal.SIGTERM)
        assert server.exit_code() == 0
    assert server.complaints == ""
