"""The two programs, `helm3` and `helm4`. `python -m testbed.helm.binaries` prints their folder, built first."""

from __future__ import annotations

import os
import platform
import sys
import tempfile
from pathlib import Path

from testbed.control_plane.binaries import only_build
from testbed.control_plane.gobuild import MissingBinariesError, module_version, run_saying, say, usable_go, whole

MODULE = Path(__file__).resolve().parent
MAJORS = (3, 4)


def find_or_build() -> Path:
    """The folder of the two programs. Raises MissingBinariesError where they have to be built and cannot be."""
    folder = cache_folder()
    if not complete(folder):
        folder.parent.mkdir(parents=True, exist_ok=True)
        with only_build(folder):
            if not complete(folder):
                _build(folder)
    return folder


def complete(folder: Path) -> bool:
    """Whether `folder` holds both."""
    return all(os.access(folder / f"helm{major}", os.X_OK) for major in MAJORS)


def cache_folder() -> Path:
    """Where a build is kept: one folder for each pair of versions and each platform."""
    base = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    versions = "-".join(module_version(f"helm.sh/helm/v{major}", MODULE) for major in MAJORS)
    return base / "stash-admission" / "e2e" / f"helm-{versions}-{platform.system()}-{platform.machine()}".lower()


def _build(folder: Path) -> None:
    go = usable_go()
    say("building Helm 3 and 4 from source: takes about 3 min on two cores, once")
    with whole(folder) as partial:
        for major in MAJORS:
            _compile(go, major, partial)


def _compile(go: str, major: int, folder: Path) -> None:
    module = f"helm.sh/helm/v{major}"
    command = [go, "build", "-p", "2", "-mod=readonly", "-buildvcs=false", "-trimpath", "-ldflags", _flags(major)]
    command += ["-o", str(folder / f"helm{major}"), f"{module}/cmd/helm"]
    with tempfile.TemporaryFile("w+") as output:
        code = run_saying(command, output, f"helm{major}", MODULE)
        output.seek(0)
        if code != 0:
            raise MissingBinariesError(f"building helm{major} failed: {' '.join(command)}\n{output.read()[-2000:]}")


def _flags(major: int) -> str:
    """What Helm's own build stamps: its version, and for Helm 3 which Kubernetes `helm template` takes there to be."""
    module = f"helm.sh/helm/v{major}"
    stamps = [f"{module}/internal/version.version={module_version(module, MODULE)}"]
    if major == 3:
        _, minor, _ = module_version("k8s.io/client-go", MODULE).split(".")
        for package in ("pkg/chartutil", "pkg/lint/rules"):
            stamps += [f"{module}/{package}.k8sVersionMajor=1", f"{module}/{package}.k8sVersionMinor={minor}"]
    return " ".join(["-s -w", *(f"-X {stamp}" for stamp in stamps)])


if __name__ == "__main__":
    try:
        sys.stdout.write(f"{find_or_build()}\n")
    except MissingBinariesError as missing:
        sys.exit(str(missing))
