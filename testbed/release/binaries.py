"""Programs that judge what is released. `python -m testbed.release.binaries` prints their folder, built first."""

from __future__ import annotations

import hashlib
import re
import sys
from pathlib import Path

from testbed.control_plane.binaries import kept
from testbed.control_plane.gobuild import MissingBinariesError, compile_package, say

MODULE = Path(__file__).resolve().parent
PROGRAMS = ("kubeconform", "actionlint", "krew", "registry")


def find_or_build() -> Path:
    """The folder of the programs, kept for each state of the go.mod beside this file. Raises MissingBinariesError."""
    versions = hashlib.sha256((MODULE / "go.mod").read_bytes()).hexdigest()[:12]
    return kept(f"release-{versions}", PROGRAMS, _build)


def _build(folder: Path) -> None:
    say(f"building {', '.join(PROGRAMS)} from source: takes about 4 min on two cores, once")
    for name in PROGRAMS:
        package = re.search(rf"^\t(\S+/cmd/{name})$", (MODULE / "go.mod").read_text(), re.MULTILINE)
        assert package, f"the go.mod names no tool {name}"
        compile_package(package[1], folder / name, MODULE)


if __name__ == "__main__":
    try:
        sys.stdout.write(f"{find_or_build()}\n")
    except MissingBinariesError as missing:
        sys.exit(str(missing))
