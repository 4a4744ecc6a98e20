"""A node's namespaces: its own mounts, network, processes, host name, IPC and cgroups, in a root of its own.

All of it ends with the first process in them, which the kernel ends with this one.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from testbed.child import dying_with_us
from testbed.node.place import CGROUP, CGROUPS, SUBSYSTEMS

_SYSCTLS = {"vm/overcommit_memory": 1, "vm/panic_on_oom": 0, "kernel/panic": 10, "kernel/panic_on_oops": 1}
"""What the kubelet sets, for the whole machine. It finds these instead, and touches nothing."""
_INSIDE = r"""
set -eu
where=$1 lower=$2 programs=$3 pki=$4 name=$5; shift 5
mkdir -p "$where/upper" "$where/work" "$where/root" "$where/node"
mount -t overlay overlay -o "lowerdir=$lower,upperdir=$where/upper,workdir=$where/work" "$where/root"
cd "$where/root"
mkdir -p node programs pki old
echo nameserver 127.0.0.1 > etc/resolv.conf
mount --bind "$where/node" node; rm -rf node/sysctl
mount --bind -o ro "$programs" programs
mount --bind "$pki" pki
mount -t proc proc proc
mount -t sysfs sysfs sys
mount -t tmpfs tmpfs dev; mkdir dev/pts dev/shm dev/net dev/mqueue
for each in "null 1 3" "zero 1 5" "full 1 7" "random 1 8" "urandom 1 9" "tty 5 0" "kmsg 1 11"; do
  set -- $each "$@"; mknod -m 666 "dev/$1" c "$2" "$3"; shift 3
done
ln -s /proc/self/fd dev/fd; ln -s pts/ptmx dev/ptmx
mount -t devpts devpts dev/pts -o newinstance,ptmxmode=0666
mount -t tmpfs tmpfs dev/shm; mount -t tmpfs tmpfs run; mount -t tmpfs tmpfs tmp
mount -t tmpfs tmpfs sys/fs/cgroup
for each; do
  case $each in
    */*) mkdir -p "node/sysctl/${each%=*}"; rmdir "node/sysctl/${each%=*}"; echo "${each#*=}" > "node/sysctl/${each%=*}"
         mount --bind "node/sysctl/${each%=*}" "proc/sys/${each%=*}";;
    systemd) mkdir sys/fs/cgroup/systemd; mount -t cgroup -o none,name=systemd cgroup sys/fs/cgroup/systemd;;
    *) mkdir "sys/fs/cgroup/$each"; mount -t cgroup -o "$each" cgroup "sys/fs/cgroup/$each";;
  esac
done
hostname "$name"
pivot_root . old
cd /
umount -l old
mount --make-rshared /
ip link set lo up
touch /node/ready
exec tini -s -- sleep infinity
"""


class Namespaces:
    """Those of one node. To be started in the main thread (`testbed.child`)."""

    def __init__(self, name: str, folder: Path, lower: Path, programs: Path, pki: Path) -> None:
        self.name = name
        self.folder = folder
        self._cgroups = [CGROUPS / each / CGROUP / name for each in SUBSYSTEMS]
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "node" / "ready").unlink(missing_ok=True)  # of its life before
        for each in self._cgroups:
            _make(each)
        script = f'for each in {" ".join(map(str, self._cgroups))}; do echo $$ > "$each/cgroup.procs"; done; exec "$@"'
        kinds = ("--mount", "--net", "--pid", "--uts", "--ipc", "--cgroup", "--fork", "--kill-child")
        settings = [f"{sysctl}={value}" for sysctl, value in _SYSCTLS.items()]
        arguments = [folder, lower, programs, pki, name, *SUBSYSTEMS, *settings]
        inside = ["bash", "-c", _INSIDE, "inside", *map(str, arguments)]
        command = ["sh", "-c", script, "sh", "unshare", *kinds, "--propagation", "private", *inside]
        self.log = folder / "init.log"
        with self.log.open("wb") as log:
            self._outer = subprocess.Popen(
                dying_with_us(command), stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True
            )
        wait(lambda: (folder / "node" / "ready").exists(), 30, lambda: self.log.read_text(), self._outer)
        children = Path(f"/proc/{self._outer.pid}/task/{self._outer.pid}/children").read_text().split()
        self.pid = int(children[0])

    def command(self, *words: str) -> list[str]:
        """The command that runs words in these namespaces and cgroups, as a program of the machine."""
        script = f'for each in {" ".join(map(str, self._cgroups))}; do echo $$ > "$each/cgroup.procs"; done; exec "$@"'
        enter = [
            "nsenter",
            "-t",
            str(self.pid),
            "-m",
            "-n",
            "-p",
            "-u",
            "-i",
            "-C",
            "--wd=/",
            "--",
            "/usr/bin/env",
            "-i",
        ]
        path = "PATH=/programs:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
        return ["sh", "-c", script, "sh", *enter, path, "HOME=/node", *words]

    def run(self, *words: str, seconds: float = 120) -> str:
        """Run words inside to their end, which must be a good one."""
        done = subprocess.run(
            self.command(*words), capture_output=True, text=True, timeout=seconds, check=False, stdin=subprocess.DEVNULL
        )
        if done.returncode != 0:
            raise RuntimeError(f"{self.name}: {' '.join(words)}\n{done.stdout}{done.stderr}")
        return done.stdout

    def daemon(self, name: str, words: Sequence[str]) -> subprocess.Popen[bytes]:
        """Start a program inside, its output in a log named so."""
        with (self.folder / "node" / f"{name}.log").open("ab") as log:
            return subprocess.Popen(
                dying_with_us(self.command(*words)),
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True,
            )  # fmt: skip

    def tail(self, name: str, lines: int = 15) -> str:
        """The last lines of a program's log."""
        file = self.folder / "node" / f"{name}.log"
        return "\n".join(file.read_text(errors="replace").splitlines()[-lines:])

    def network(self, *words: str) -> None:
        """Run `ip` of the machine on the node's network."""
        command = ["nsenter", "-t", str(self.pid), "-n", "--", "ip", *words]
        subprocess.run(command, check=True, capture_output=True)

    def kill(self) -> None:
        """End it as a power cut would: everything in it at once."""
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.pid, signal.SIGKILL)
        self._outer.kill()
        self._outer.wait()


def sweep(name: str = "") -> None:
    """Remove our cgroups, or those of a node, as soon as nobody is in them."""
    for each in SUBSYSTEMS:
        top = CGROUPS / each / CGROUP / name
        for _ in range(50):
            folders = sorted(
                (path for path in [top, *top.rglob("*")] if path.is_dir()), key=lambda path: -len(path.parts)
            )
            for folder in folders:
                with contextlib.suppress(OSError):
                    folder.rmdir()
            if not top.exists():
                break
            time.sleep(0.1)


def left(name: str = "") -> Iterator[int]:
    """The processes that are in our cgroups, or in those of a node."""
    found = set()
    for path in (CGROUPS / "pids" / CGROUP / name).rglob("cgroup.procs"):
        found |= {int(line) for line in path.read_text().split()}
    yield from found


def wait(
    condition: Callable[[], object],
    seconds: float,
    says: Callable[[], str],
    process: subprocess.Popen[bytes] | None = None,
) -> None:
    """Return when the condition holds. Raises RuntimeError with what is said, after so many seconds."""
    until = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > until or (process is not None and process.poll() is not None):
            raise RuntimeError(says())
        time.sleep(0.1)


def _make(cgroup: Path) -> None:
    """A cgroup; one for `cpuset` is of no use without processors and memory."""
    for each in (cgroup.parent, cgroup):
        each.mkdir(exist_ok=True)
        for name in ("cpuset.cpus", "cpuset.mems"):
            if (file := each / name).exists() and not file.read_text().strip():
                file.write_text((each.parent / name).read_text())
        if (clone := each / "cgroup.clone_children").exists() and "cpuset" in each.parts:
            clone.write_text("1")
