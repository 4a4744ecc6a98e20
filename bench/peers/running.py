"""The peers as processes."""

from __future__ import annotations

import contextlib
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path

from testbed.server import environment

IN_PYTHON = {"floor": "floor", "usual": "usual", "kopf": "kopf_peer"}
IN_GO = ("nethttp", "controllerruntime")
NAMES = (*IN_PYTHON, *IN_GO)

_PATIENCE = 30.0
"""Seconds until a peer listens, and until it is gone."""


class NotRunning(Exception):
    """A peer did not start. The message has what it said."""


def command(name: str, binaries: Mapping[str, Path], port: int, certificates: Path) -> list[str]:
    """What starts a peer on a port of 127.0.0.1, with `tls.crt` and `tls.key` of a folder.

    Raises NotRunning where it is not installed.
    """
    if name == "kopf" and find_spec("kopf") is None:
        raise NotRunning("kopf is not installed: `make .venv/.tools-ready` installs it")
    start = [sys.executable, "-m", f"bench.peers.{IN_PYTHON[name]}"] if name in IN_PYTHON else [str(binaries[name])]
    return [
        *start,
        "--port",
        str(port),
        "--cert",
        str(certificates / "tls.crt"),
        "--key",
        str(certificates / "tls.key"),
    ]


@contextlib.contextmanager
def running(
    command: Sequence[str], stdout: Path, prefix: Sequence[str] = (), **variables: str
) -> Iterator[subprocess.Popen[bytes]]:
    """A peer that listens, whose lines go to the file `stdout`, and what it complains of to `stdout`.stderr.

    `prefix` comes before the command (`taskset`), `variables` into the environment. Raises NotRunning.
    """
    complaints = stdout.with_name(f"{stdout.name}.stderr")
    with stdout.open("wb") as out, complaints.open("wb") as err:
        process = subprocess.Popen(  # noqa: S603  our own command
            [*prefix, *command],
            env=environment(**variables),
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=err,
            start_new_session=True,
        )
    try:
        _wait(process, stdout, complaints)
        yield process
    finally:
        process.terminate()
        try:
            process.wait(_PATIENCE)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait(_PATIENCE)


def _wait(process: subprocess.Popen[bytes], stdout: Path, complaints: Path) -> None:
    until = time.monotonic() + _PATIENCE
    while time.monotonic() < until and process.poll() is None:
        if stdout.read_bytes().startswith(b"ready\n"):
            return
        time.sleep(0.02)
    raise NotRunning(f"{' '.join(map(str, process.args))} does not listen: {complaints.read_text()[-2000:]}")  # type: ignore[arg-type]
