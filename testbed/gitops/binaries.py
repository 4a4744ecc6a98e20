"""The program that compares as Argo CD does. `python -m testbed.gitops.binaries` prints its path, built first."""

from __future__ import annotations

import hashlib
import os
import platform
import sys
import tempfile
from pathlib import Path

from testbed.control_plane.binaries import only_build
from testbed.control_plane.gobuild import MissingBinariesError, run_saying, say, usable_go, whole

MODULE = Path(__file__).resolve().parent
NAME = "argocd-diff"


def find_or_build() -> Path:
    """The program. Raises MissingBinariesError where it has to be built and cannot be."""
    folder = cache_folder()
    if not complete(folder):
        folder.parent.mkdir(parents=True, exist_ok=True)
        with only_build(folder):
            if not complete(folder):
                _build(folder)
    return folder / NAME


def complete(folder: Path) -> bool:
    """Whether `folder` holds it."""
    return os.access(folder / NAME, os.X_OK)


def cache_folder() -> Path:
    """Where a build is kept: one folder for each state of the sources, which pin all modules, and each platform."""
    base = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    state = hashlib.sha256()
    for file in ("go.mod", "go.sum", "main.go"):
        state.update((MODULE / file).read_bytes())
    key = f"gitops-{state.hexdigest()[:16]}-{platform.system()}-{platform.machine()}"
    return base / "stash-admission" / "e2e" / key.lower()


def _build(folder: Path) -> None:
    go = usable_go()
    say("building what compares as Argo CD does: takes about 1 min on two cores after the control plane, once")
    with whole(folder) as partial, tempfile.TemporaryFile("w+") as output:
        command = [go, "build", "-p", "2", "-mod=readonly", "-buildvcs=false", "-trimpath", "-ldflags", "-s -w"]
        code = run_saying([*command, "-o", str(partial / NAME), "."], output, NAME, MODULE)
        output.seek(0)
        if code != 0:
            raise MissingBinariesError(f"building {NAME} failed: {' '.join(command)}\n{output.read()[-2000:]}")


if __name__ == "__main__":
    try:
        sys.stdout.write(f"{find_or_build()}\n")
    except MissingBinariesError as missing:
        sys.exit(str(missing))
