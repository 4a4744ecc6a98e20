"""A real API server on loopback, for the time of the tests.

What is there: `etcd`, and `kube-apiserver` with RBAC and its default admission plugins (Pod Security and
webhooks among them). What is not: a controller manager, a scheduler, a kubelet. So no Pod ever runs, no
ServiceAccount appears by itself, owned objects are not collected, and **a deleted namespace stays
`Terminating` for ever**: give each test a namespace of its own and leave it behind.
"""

from __future__ import annotations

import atexit
import os
import shutil
import subprocess
import tempfile
from pathlib import Path
from types import TracebackType
from typing import Self

from testbed.child import Child, sweep_after_us
from testbed.control_plane.credentials import ADMIN, Credentials
from testbed.control_plane.flags import LOOPBACK, apiserver_flags, etcd_flags, free_ports
from testbed.control_plane.readiness import wait_until_ready
from testbed.patience import PATIENCE


class Cluster:
    """An API server with its etcd: a context manager, of the main thread (`child.dying_with_us` says why)."""

    def __init__(self, binaries: Path, *flags: str) -> None:
        """Start nothing yet; `binaries` is the folder of the programs (`binaries.find_or_build`).

        `flags` are further ones of the API server.
        """
        self.binaries = binaries
        self._flags = flags
        self._etcd: Child | None = None
        self._apiserver: Child | None = None
        self._broom: subprocess.Popen[bytes] | None = None
        self._folder: Path | None = None
        self._port, self._etcd_port, self._peer_port = free_ports(3)

    @property
    def server(self) -> str:
        """The API server's URL; the same after a restart."""
        return f"https://{LOOPBACK}:{self._port}"

    @property
    def folder(self) -> Path:
        """The folder of all that this cluster writes, gone after `stop`."""
        if self._folder is None:
            raise RuntimeError("the cluster is not started")
        return self._folder

    @property
    def credentials(self) -> Credentials:
        """The CA, the users' certificates and kubeconfigs."""
        return Credentials(self.folder / "credentials")

    @property
    def pids(self) -> dict[str, int]:
        """The process ids of what runs now, by program name (to measure memory, to send signals)."""
        children = {"etcd": self._etcd, "kube-apiserver": self._apiserver}
        return {name: child.pid for name, child in children.items() if child is not None and child.running}

    def __enter__(self) -> Self:
        """Start etcd and the API server; NotReadyError when one of them does not become ready."""
        self._folder = Path(tempfile.mkdtemp(prefix="stash-admission-e2e-"))
        atexit.register(self.stop)
        try:
            self._broom = sweep_after_us(self._folder)
            Credentials.write(self.folder / "credentials", self.server)
            flags = etcd_flags(self.folder / "etcd", self._etcd_port, self._peer_port)
            self._etcd = self._child("etcd", flags)
            wait_until_ready(self._etcd, f"http://{LOOPBACK}:{self._etcd_port}/readyz", None)
            self.apiserver_start()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop everything."""
        self.stop()

    def apiserver_start(self) -> None:
        """Start the API server (again), on the same port and data; returns when it is ready."""
        if self._apiserver is not None and self._apiserver.running:
            return
        flags = [*apiserver_flags(self.credentials, self._port, self._etcd_port), *self._flags]
        self._apiserver = self._child("kube-apiserver", flags)
        wait_until_ready(self._apiserver, f"{self.server}/readyz", self.credentials.client_context())

    def apiserver_stop(self) -> None:
        """Stop the API server alone, as a node's shutdown would; what it stored stays in etcd."""
        if self._apiserver is not None:
            self._apiserver.stop(grace=10)

    def stop(self) -> None:
        """End the processes that this object started and delete its folder. Twice is once."""
        for child in (self._apiserver, self._etcd):
            if child is not None:
                child.stop(grace=0)  # its data go with it: nothing to end gracefully for
        if self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)
        if self._broom is not None:
            self._broom.communicate()  # closes its standard input, which is what it waits for
        self._apiserver = self._etcd = self._broom = self._folder = None
        atexit.unregister(self.stop)

    def kubectl(
        self, *args: str, stdin: str | None = None, user: str = ADMIN, timeout: float = PATIENCE
    ) -> subprocess.CompletedProcess[str]:
        """Run kubectl as `user`, for at most `timeout` seconds.

        A failure is the caller's to judge, by `returncode` and `stderr`.
        """
        kubectl, kubeconfig = self.binaries / "kubectl", self.credentials.kubeconfig(user)
        return subprocess.run(
            [str(kubectl), f"--kubeconfig={kubeconfig}", *args],
            input=stdin or "",
            env=self._environment(),
            capture_output=True,
            encoding="utf-8",
            timeout=timeout,
            check=False,
        )

    def apiserver_log(self, lines: int = 30) -> str:
        """The last lines of the API server's log: what it says of a webhook that it could not call."""
        return self._apiserver.tail(lines) if self._apiserver is not None else ""

    def _child(self, name: str, flags: list[str]) -> Child:
        return Child([str(self.binaries / name), *flags], self.folder / f"{name}.log", self._environment())

    def _environment(self) -> dict[str, str]:
        """Nothing of the developer's: no ~/.kube, and no proxy, which webhook calls would be sent to."""
        home = str(self.folder)
        return {"PATH": os.environ.get("PATH", os.defpath), "HOME": home, "TMPDIR": home}
