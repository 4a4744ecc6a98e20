"""Where the node keeps what it needs, and why a machine cannot have one."""

from __future__ import annotations

import fcntl
import os
import platform
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

SUBSYSTEMS = ("cpu", "cpuacct", "cpuset", "memory", "devices", "freezer", "blkio", "pids", "systemd")
"""The hierarchies of cgroups that kubelet and runc use."""
CGROUPS = Path("/sys/fs/cgroup")
CGROUP = "stash-node"
"""The one of ours in each hierarchy."""
PROGRAMS = {
    "unshare": "util-linux",
    "nsenter": "util-linux",
    "ip": "iproute2",
    "apt-get": "apt",
    "dpkg": "dpkg",
    "go": "Go, of the version that testbed/node/runtime/go.mod names",
}
SPACE = 6
"""GiB that the cache and the running node take."""


class CannotError(RuntimeError):
    """This machine cannot have a node. The message names the missing piece."""


def cache() -> Path:
    """What is built once and kept."""
    base = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return base / "stash-admission" / "node"


def run() -> Path:
    """What a running node writes. There is one node at a time."""
    return cache() / "run"


@contextmanager
def alone() -> Iterator[None]:
    """Hold the right to have nodes. It goes with the process. Raises CannotError while another one has it."""
    cache().mkdir(parents=True, exist_ok=True)
    with (cache() / "nodes.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise CannotError("another `make node` is under way: wait for it, or end it by Ctrl-C") from None
        yield


def require() -> None:
    """Raise CannotError unless this machine can have a node."""
    if platform.system() != "Linux":
        raise CannotError("a node needs Linux")
    if os.geteuid() != 0:
        raise CannotError("a node needs root: it makes namespaces, mounts and cgroups")
    for program, package in PROGRAMS.items():
        if shutil.which(program) is None:
            raise CannotError(f"there is no {program} on PATH: install {package}")
    if missing := [each for each in SUBSYSTEMS if not (CGROUPS / each / "cgroup.procs").exists()]:
        raise CannotError(
            f"there is no hierarchy of cgroups (version 1) for {', '.join(missing)} in {CGROUPS}: boot with "
            "systemd.unified_cgroup_hierarchy=0, or use a machine that has them"
        )
    for each in SUBSYSTEMS:
        if not os.access(CGROUPS / each, os.W_OK):
            raise CannotError(f"no cgroup can be made in {CGROUPS / each}")
    existing = next(each for each in (cache(), *cache().parents) if each.exists())
    if (free := shutil.disk_usage(existing).free / 2**30) < SPACE:
        raise CannotError(f"{existing} has {free:.0f} GiB free: {SPACE} are needed")
