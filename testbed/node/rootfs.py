"""Two file systems of Debian, from the mirror that the machine itself uses: the image's base, and a node's root.

Nothing is installed on the machine: debootstrap is unpacked beside them.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import tempfile
from pathlib import Path

from testbed.child import dying_with_us
from testbed.control_plane import binaries
from testbed.control_plane.gobuild import say
from testbed.node import place

SUITE = "trixie"
BASE = ("python3", "python3-venv", "ca-certificates")
NODE = (
    "runc", "containernetworking-plugins", "buildah", "netavark", "iptables", "nftables", "ipset", "conntrack", "tini",
    "iproute2", "procps", "kmod", "ethtool", "socat",
)  # fmt: skip
_KEYRING = Path("/usr/share/keyrings/debian-archive-keyring.gpg")
_CERTIFICATES = Path("/etc/ssl/certs/ca-certificates.crt")
_INSTALL = r"""
set -eu
root=$1; shift
mount --bind "$root" "$root"
mount -t proc proc "$root/proc"
cp /etc/resolv.conf "$root/etc/resolv.conf"
printf '#!/bin/sh\nexit 101\n' > "$root/usr/sbin/policy-rc.d"
chmod 755 "$root/usr/sbin/policy-rc.d"
export DEBIAN_FRONTEND=noninteractive
chroot "$root" apt-get -qq -o DPkg::Options::=--force-unsafe-io install --no-install-recommends -y "$@"
"""


def find_or_build() -> tuple[Path, Path]:
    """The base of the image, and the root of a node. Raises CannotError."""
    key = hashlib.sha256("\n".join((SUITE, *BASE, *NODE, _INSTALL)).encode()).hexdigest()[:16]
    folder = place.cache() / "debian" / key
    if not folder.exists():
        folder.parent.mkdir(parents=True, exist_ok=True)
        with binaries.only_build(folder):
            if not folder.exists():
                _build(folder)
    return folder / "base", folder / "node"


def _build(folder: Path) -> None:
    if not _KEYRING.exists():
        raise place.CannotError(f"there is no {_KEYRING}: install debian-archive-keyring")
    for stale in folder.parent.glob(f"{folder.name}.partial-*"):
        shutil.rmtree(stale)  # of a build that was killed: we hold the lock
    partial = Path(tempfile.mkdtemp(prefix=f"{folder.name}.partial-", dir=folder.parent))
    partial.chmod(0o755)
    try:
        say(f"making a Debian {SUITE} for the image and the nodes: takes about 2 min, once")
        unpacked = _debootstrap(partial)
        base, node = partial / "base", partial / "node"
        script = unpacked / "usr/share/debootstrap"
        command = [str(unpacked / "usr/sbin/debootstrap"), "--variant=minbase", f"--include={','.join(BASE)}"]
        _run([*command, SUITE, str(base), _mirror()], DEBOOTSTRAP_DIR=str(script))
        shutil.rmtree(base / "var/cache/apt/archives", ignore_errors=True)
        (base / "var/cache/apt/archives/partial").mkdir(parents=True)
        if _CERTIFICATES.exists():
            shutil.copy(_CERTIFICATES, base / _CERTIFICATES.relative_to("/"))  # then pip needs no setting
        _run(["cp", "-a", str(base), str(node)])
        _run(["bash", "-c", _INSTALL, "install", str(node), *NODE])
        partial.rename(folder)
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def _debootstrap(folder: Path) -> Path:
    downloads = folder / "downloads"
    downloads.mkdir()
    _run(["apt-get", "download", "-qq", "debootstrap"], cwd=downloads)
    (package,) = downloads.glob("*.deb")
    _run(["dpkg", "-x", str(package), str(folder / "debootstrap")])
    shutil.rmtree(downloads)
    return folder / "debootstrap"


def _mirror() -> str:
    """Where the machine gets Debian from."""
    form = ["--format", "$(SITE) $(ORIGIN) $(COMPONENT)", "Created-By: Packages"]
    done = subprocess.run(["apt-get", "indextargets", *form], capture_output=True, text=True, check=False)
    found = [line.split() for line in done.stdout.splitlines()]
    mirrors = [site for site, origin, component in (each for each in found if len(each) == 3)
               if (origin, component) == ("Debian", "main") and "security" not in site]  # fmt: skip
    if not mirrors:
        raise place.CannotError("apt knows no mirror of Debian: a node's file system is made from one")
    return mirrors[0]


def _run(command: list[str], cwd: Path | None = None, **variables: str) -> None:
    """Run a command of a build, in mounts and processes of its own, which end with it."""
    unshare = ["unshare", "--mount", "--pid", "--fork", "--kill-child", "--propagation", "private"]
    path = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
    environment = {**{name: os.environ[name] for name in ("HOME",) if name in os.environ}, "PATH": path, **variables}
    with tempfile.TemporaryFile("w+") as said:
        done = subprocess.run(
            dying_with_us(["nice", "-n", "15", *unshare, *command]),
            cwd=cwd, env=environment, stdin=subprocess.DEVNULL, stdout=said, stderr=said, check=False,
        )  # fmt: skip
        said.seek(0)
        if done.returncode != 0:
            raise place.CannotError(f"{' '.join(command)[:200]} failed:\n{said.read()[-2000:]}")
