"""The program `cron`, built from the Go module beside this file, once for each version."""

from __future__ import annotations

import os
import platform
import subprocess
import tempfile
from collections.abc import Iterable
from pathlib import Path

from testbed.control_plane.binaries import only_build
from testbed.control_plane.gobuild import MissingBinariesError, module_version, run_saying, usable_go, whole

MODULE = Path(__file__).resolve().parent


def find_or_build() -> Path:
    """The program. Raises MissingBinariesError where it has to be built and cannot be."""
    folder = _cache_folder()
    if not os.access(folder / "cron", os.X_OK):
        folder.parent.mkdir(parents=True, exist_ok=True)
        with only_build(folder):
            if not os.access(folder / "cron", os.X_OK):
                _build(folder)
    return folder / "cron"


def ask(program: Path, questions: Iterable[tuple[str, int, str, str]]) -> list[str]:
    """Its answers: zone, count, time and schedule make a line of times, or `invalid`."""
    lines = "".join(f"{zone}\t{count}\t{at}\t{schedule}\n" for zone, count, at, schedule in questions)
    done = subprocess.run([program], input=lines, capture_output=True, text=True, check=True)
    return done.stdout.split("\n")[:-1]


def _cache_folder() -> Path:
    base = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    version = module_version("github.com/robfig/cron/v3", MODULE)
    return base / "stash-admission" / "e2e" / f"cron-{version}-{platform.system()}-{platform.machine()}".lower()


def _build(folder: Path) -> None:
    go = usable_go()
    with whole(folder) as partial, tempfile.TemporaryFile("w+") as output:
        command = [go, "build", "-mod=readonly", "-buildvcs=false", "-trimpath", "-o", str(partial / "cron"), "."]
        if run_saying(command, output, "cron", MODULE) != 0:
            output.seek(0)
            raise MissingBinariesError(f"building cron failed: {' '.join(command)}\n{output.read()[-2000:]}")
