"""The three programs of a real control plane: `kube-apiserver`, `etcd` and `kubectl`.

A mock of the API server would agree with whatever we believe about it, so the end-to-end tests use the real
one. A folder named by `KUBEBUILDER_ASSETS` (the convention of `setup-envtest`) is used when it holds all
three; otherwise they are built, once, from the Go module beside this file, and kept outside the checkout so
that a fresh clone does not build them again. `python -m testbed.control_plane.binaries` prints the folder.
"""

from __future__ import annotations

import fcntl
import os
import platform
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from testbed.control_plane.gobuild import (
    PROGRAMS,
    MissingBinariesError,
    compile_program,
    module_version,
    say,
    usable_go,
    whole,
)


def find_or_build() -> Path:
    """The folder of the three programs, built first when nobody has.

    Raises MissingBinariesError where they have to be built and cannot be.
    """
    assets = os.environ.get("KUBEBUILDER_ASSETS")
    if assets and complete(Path(assets)):
        return Path(assets).resolve()
    if assets:
        say(f"KUBEBUILDER_ASSETS={assets} does not hold all of {', '.join(PROGRAMS)}: not used")
    folder = cache_folder()
    if not complete(folder):
        folder.parent.mkdir(parents=True, exist_ok=True)
        with only_build(folder):
            if not complete(folder):  # another process may have built it while we waited
                build(folder)
    return folder


def complete(folder: Path) -> bool:
    """Whether `folder` holds all three programs."""
    return _holds(folder, PROGRAMS)


def cache_folder() -> Path:
    """Where a build is kept: one folder for each pair of versions and each platform."""
    base = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    kubernetes, etcd = module_version("k8s.io/kubernetes"), module_version("go.etcd.io/etcd/server/v3")
    key = f"kubernetes-{kubernetes}-etcd-{etcd}-{platform.system()}-{platform.machine()}"
    return base / "stash-admission" / "e2e" / key.lower()


def kept(key: str, programs: Iterable[str], build: Callable[[Path], None]) -> Path:
    """The folder that holds programs under a key of their versions. If nobody has filled it yet, `build` does.

    Raises MissingBinariesError where they have to be built and cannot be.
    """
    base = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "stash-admission" / "e2e"
    folder = base / f"{key}-{platform.system()}-{platform.machine()}".lower()
    names = tuple(programs)
    if not _holds(folder, names):
        base.mkdir(parents=True, exist_ok=True)
        with only_build(folder):
            if not _holds(folder, names):  # another process may have built it while we waited
                with whole(folder) as partial:
                    build(partial)
    return folder


def _holds(folder: Path, names: Iterable[str]) -> bool:
    return all(os.access(folder / name, os.X_OK) for name in names)


@contextmanager
def only_build(folder: Path) -> Iterator[None]:
    """Hold the right to build `folder`. The lock goes with the process: a killed build leaves none."""
    with folder.with_name(f"{folder.name}.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say(f"another process builds {folder.name}: waiting for it")
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def build(folder: Path) -> None:
    """Build all three."""
    go = usable_go()
    say("building the control plane of the end-to-end tests: Go keeps 3.5 GiB of it in its own caches")
    with whole(folder) as partial:
        for name in PROGRAMS:
            compile_program(go, name, partial)


if __name__ == "__main__":
    try:
        sys.stdout.write(f"{find_or_build()}\n")
    except MissingBinariesError as missing:
        sys.exit(str(missing))
    except KeyboardInterrupt:
        sys.exit("interrupted; what is compiled so far is kept by Go and not compiled again")
