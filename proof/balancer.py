"""haproxy as a Service: it forwards TCP connections, and learns of a replica's end a second or two late.

kube-proxy neither ends live connections when an endpoint goes away nor tries another one when a connection is refused.
So neither does this: a call whose connection is refused is a failed call.
"""

from __future__ import annotations

import contextlib
import csv
import os
import re
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from proof.replicas import NotReady, Slot
from testbed.child import Child
from testbed.control_plane.flags import free_ports

_CONFIGURATION = """\
global
    maxconn 4000
    stats socket {socket} mode 600 level user
defaults
    mode tcp
    balance random
    retries 0
    timeout connect 5s
    timeout client 300s
    timeout server 300s
frontend service
    bind 127.0.0.1:{port}
    default_backend replicas
backend replicas
    option httpchk GET /readyz
    default-server check inter 1s fall 2 rise 1
{servers}
"""


class Missing(RuntimeError):
    """haproxy is not installed."""


def program() -> str:
    """The path of haproxy. Raises Missing."""
    found = shutil.which("haproxy", path=f"{os.environ.get('PATH', os.defpath)}:/usr/sbin:/usr/local/sbin")
    if not found:
        raise Missing("haproxy is needed, as the TCP load balancer (Debian: apt-get install haproxy)")
    return found


def version() -> str:
    """Its version, such as 2.6.12."""
    said = subprocess.run([program(), "-v"], capture_output=True, text=True, check=True, timeout=10).stdout
    found = re.search(r"\d+\.\d+\.\d+", said)
    return found[0] if found else "unknown"


class Balancer:
    """A running haproxy."""

    def __init__(self, child: Child, port: int, control: Path) -> None:
        self.port = port
        self._child = child
        self._control = control

    def wait_until(self, up: Sequence[Slot], seconds: float = 20) -> None:
        """Return when exactly these slots are up. Raises NotReady."""
        wanted, until = {slot.name for slot in up}, time.monotonic() + seconds
        while (seen := self._up()) != wanted:
            if not self._child.running or time.monotonic() > until:
                raise NotReady(f"haproxy sees {sorted(seen)} up and not {sorted(wanted)}: {self._child.tail(3)}")
            time.sleep(0.1)

    def _up(self) -> set[str]:
        with socket.socket(socket.AF_UNIX) as control:
            control.settimeout(5)
            try:
                control.connect(str(self._control))
                control.sendall(b"show stat\n")
                said = b"".join(iter(lambda: control.recv(65536), b"")).decode()
            except OSError:
                return set()
        rows = csv.DictReader(said.removeprefix("# ").splitlines())
        # "UP 1/2" is one that fails its checks already and is still sent calls, as during the delay of a Service.
        servers = [row for row in rows if row["pxname"] == "replicas" and row["svname"] != "BACKEND"]
        return {row["svname"] for row in servers if row["status"].startswith("UP")}


@contextlib.contextmanager
def balancing(folder: Path, places: Sequence[Slot]) -> Iterator[Balancer]:
    """haproxy before these slots, whether or not a replica is there. Raises Missing."""
    (port,) = free_ports(1)
    control, configuration = folder / "haproxy.sock", folder / "haproxy.cfg"
    servers = (f"    server {each.name} 127.0.0.1:{each.port} port {each.management_port}" for each in places)
    configuration.write_text(_CONFIGURATION.format(socket=control, port=port, servers="\n".join(servers)))
    child = Child([program(), "-db", "-f", str(configuration)], folder / "haproxy.log", dict(os.environ))
    try:
        yield Balancer(child, port, control)
    finally:
        child.stop(grace=0)
