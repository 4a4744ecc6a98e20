"""How the programs are started: the flags, and the ports that they listen on."""

from __future__ import annotations

import random
import socket
from pathlib import Path

from testbed.control_plane.credentials import Credentials

LOOPBACK = "127.0.0.1"


def etcd_flags(data: Path, port: int, peer_port: int) -> list[str]:
    """One member that talks to nobody and never waits for the disk."""
    client, peer = f"http://{LOOPBACK}:{port}", f"http://{LOOPBACK}:{peer_port}"
    return [
        f"--data-dir={data}",
        "--unsafe-no-fsync",
        "--log-level=warn",
        f"--listen-client-urls={client}",
        f"--advertise-client-urls={client}",
        f"--listen-peer-urls={peer}",
        f"--initial-advertise-peer-urls={peer}",
        f"--initial-cluster=default={peer}",
    ]


def apiserver_flags(credentials: Credentials, port: int, etcd_port: int) -> list[str]:
    """As near to a production server as one without controllers can be."""
    return [
        f"--etcd-servers=http://{LOOPBACK}:{etcd_port}",
        f"--bind-address={LOOPBACK}",
        f"--secure-port={port}",
        f"--advertise-address={LOOPBACK}",
        "--endpoint-reconciler-type=none",  # Endpoints may not hold a loopback address
        "--service-cluster-ip-range=10.0.0.0/24",
        "--authorization-mode=RBAC",
        "--disable-admission-plugins=ServiceAccount",  # nobody would create the accounts that it asks for
        "--allow-privileged=true",  # as in every cluster that runs a network plugin; Pod Security decides
        f"--tls-cert-file={credentials.certificate('serving')}",
        f"--tls-private-key-file={credentials.key('serving')}",
        f"--client-ca-file={credentials.ca}",
        f"--token-auth-file={credentials.tokens}",
        "--service-account-issuer=https://kubernetes.default.svc",
        f"--service-account-key-file={credentials.key('service-accounts')}",
        f"--service-account-signing-key-file={credentials.key('service-accounts')}",
    ]


def free_ports(count: int) -> list[int]:
    """Ports that nobody listens on, below those that the kernel gives to outgoing connections.

    One of the latter could be taken while the API server is down: a client that keeps trying to reach a
    stopped server on such a port ends up connected to itself.
    """
    found: list[int] = []
    for port in random.sample(range(20000, 30000), 1000):
        with socket.socket() as probe:
            try:
                probe.bind((LOOPBACK, port))
            except OSError:
                continue
        found.append(port)
        if len(found) == count:
            return found
    raise RuntimeError("no free ports between 20000 and 30000")
