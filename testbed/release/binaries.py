"""Programs that judge what is released. `python -m testbed.release.binaries` prints their folder, built first."""

from __future__ import annotations

import hashlib
import os
import platform
import re
import sys
import tempfile
from pathlib import Path

from testbed.control_plane.binaries import only_build
from testbed.control_plane.gobuild import MissingBinariesError, run_saying, say, usable_go, whole

MODULE = Path(__file__).resolve().parent
PROGRAMS = ("kubeconform", "actionlint", "krew", "registry")


def find_or_build() -> Path:
    """The folder of the programs. Raises MissingBinariesError where they have to be built and cannot be."""
    folder = cache_folder()
    if not complete(folder):
        folder.parent.mkdir(parents=True, exist_ok=True)
        with only_build(folder):
            if not complete(folder):
                _build(folder)
    return folder


def complete(folder: Path) -> bool:
    """Whether `folder` holds all of them."""
    return all(os.access(folder / name, os.X_OK) for name in PROGRAMS)


def cache_folder() -> Path:
    """Where a build is kept: one folder for each state of the go.mod beside this file, and each platform."""
    base = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    versions = hashlib.sha256((MODULE / "go.mod").read_bytes()).hexdigest()[:12]
    return base / "stash-admission" / "e2e" / f"release-{versions}-{platform.system()}-{platform.machine()}".lower()


def _build(folder: Path) -> None:
    go = usable_go()
    say(f"building {', '.join(PROGRAMS)} from source: takes about 4 min on two cores, once")
    with whole(folder) as partial:
        for name in PROGRAMS:
            _compile(go, name, partial)


def _compile(go: str, name: str, folder: Path) -> None:
    package = re.search(rf"^\t(\S+/cmd/{name})$", (MODULE / "go.mod").read_text(), re.MULTILINE)
    assert package, f"the go.mod names no tool {name}"
    command = [go, "build", "-p", "2", "-mod=readonly", "-buildvcs=false", "-trimpath", "-ldflags", "-s -w"]
    command += ["-o", str(folder / name), package[1]]
    with tempfile.TemporaryFile("w+") as output:
        code = run_saying(command, output, name, MODULE)
        output.seek(0)
        if code != 0:
            raise MissingBinariesError(f"building {name} failed: {' '.join(command)}\n{output.read()[-2000:]}")


if __name__ == "__main__":
    try:
        sys.stdout.write(f"{find_or_build()}\n")
    except MissingBinariesError as missing:
        sys.exit(str(missing))
