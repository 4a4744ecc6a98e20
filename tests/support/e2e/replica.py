"""A replica, in what concerns certificates: the Secret as the kubelet mounts it, and the server that reads it there."""

from __future__ import annotations

import contextlib
import itertools
import ssl
from collections.abc import Mapping
from pathlib import Path

from testbed.patience import eventually
from testbed.server import Running, running


class Replica:
    """A server that starts when its Secret is there, and is told of every change of it."""

    def __init__(self, folder: Path, port: int) -> None:
        self._folder, self._port = folder, port
        self._mount = folder / "certs"
        self._numbers = itertools.count(1)
        self._mounted: Mapping[str, bytes] | None = None
        self._variables: Mapping[str, str] = {}
        self._running = contextlib.ExitStack()
        self.server: Running | None = None

    def follow(self, data: Mapping[str, bytes] | None, variables: Mapping[str, str] | None = None) -> None:
        """What the kubelet does with a Secret's data: wait for them, mount them, start, and mount them again.

        With other variables than before it starts anew.
        """
        variables = variables or {}
        if data is None or (data, variables) == (self._mounted, self._variables):
            return
        if data != self._mounted:
            mount(self._mount, data, next(self._numbers))
            self._mounted = data
        if self.server is not None and variables != self._variables:
            self.stop()
        self._variables = variables
        if self.server is None:
            flags = ("--port", str(self._port))
            server = running(self._folder, *flags, certificates=self._mount, variables=variables)
            self.server = self._running.enter_context(server)

    def wait(self) -> None:
        """Wait until it shows what is mounted, as a new pod would from the start."""
        assert self._mounted
        wanted = ssl.PEM_cert_to_DER_cert(_first(self._mounted["tls.crt"]))
        eventually(
            lambda: ssl.PEM_cert_to_DER_cert(ssl.get_server_certificate(("127.0.0.1", self._port))) == wanted,
            says=lambda: "the server does not show its new certificate",
        )

    def stop(self) -> None:
        """End the server."""
        self._running.close()
        self.server = None


def _first(chain: bytes) -> str:
    end = "-----END CERTIFICATE-----\n"
    return chain.decode().partition(end)[0] + end


def mount(folder: Path, data: Mapping[str, bytes], number: int) -> None:
    """Write files as the kubelet does: into a folder of their own, which a link then leads to, in one step."""
    version = folder / f"..{number}"
    version.mkdir(parents=True)
    for name, content in data.items():
        (version / name).write_bytes(content)
        if not (folder / name).is_symlink():
            (folder / name).symlink_to(Path("..data") / name)
    beside = folder / "..data_tmp"
    beside.symlink_to(version.name)
    beside.replace(folder / "..data")
