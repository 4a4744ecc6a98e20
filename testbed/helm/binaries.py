"""The two programs, `helm3` and `helm4`. `python -m testbed.helm.binaries` prints their folder, built first."""

from __future__ import annotations

import sys
from pathlib import Path

from testbed.control_plane.binaries import kept
from testbed.control_plane.gobuild import MissingBinariesError, compile_package, module_version, say

MODULE = Path(__file__).resolve().parent
MAJORS = (3, 4)


def find_or_build() -> Path:
    """The folder of the two programs, kept for each pair of versions. Raises MissingBinariesError."""
    versions = "-".join(module_version(f"helm.sh/helm/v{major}", MODULE) for major in MAJORS)
    return kept(f"helm-{versions}", [f"helm{major}" for major in MAJORS], _build)


def _build(folder: Path) -> None:
    say("building Helm 3 and 4 from source: takes about 3 min on two cores, once")
    for major in MAJORS:
        compile_package(f"helm.sh/helm/v{major}/cmd/helm", folder / f"helm{major}", MODULE, _flags(major))


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
