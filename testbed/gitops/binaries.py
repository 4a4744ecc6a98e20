"""The program that compares as Argo CD does. `python -m testbed.gitops.binaries` prints its path, built first."""

from __future__ import annotations

import hashlib
import sys
from pathlib import Path

from testbed.control_plane.binaries import kept
from testbed.control_plane.gobuild import MissingBinariesError, compile_package, say

MODULE = Path(__file__).resolve().parent
NAME = "argocd-diff"


def find_or_build() -> Path:
    """The program, kept for each state of the sources, which pin all modules. Raises MissingBinariesError."""
    state = hashlib.sha256()
    for file in ("go.mod", "go.sum", "main.go"):
        state.update((MODULE / file).read_bytes())
    return kept(f"gitops-{state.hexdigest()[:16]}", [NAME], _build) / NAME


def _build(folder: Path) -> None:
    say("building what compares as Argo CD does: takes about 1 min on two cores after the control plane, once")
    compile_package(".", folder / NAME, MODULE)


if __name__ == "__main__":
    try:
        sys.stdout.write(f"{find_or_build()}\n")
    except MissingBinariesError as missing:
        sys.exit(str(missing))
