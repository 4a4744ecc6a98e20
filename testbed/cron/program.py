"""The program `cron`, built from the Go module beside this file, once for each version."""

from __future__ import annotations

import subprocess
from collections.abc import Iterable
from pathlib import Path

from testbed.control_plane.binaries import kept
from testbed.control_plane.gobuild import compile_package, module_version

MODULE = Path(__file__).resolve().parent


def find_or_build() -> Path:
    """The program. Raises MissingBinariesError where it has to be built and cannot be."""
    version = module_version("github.com/robfig/cron/v3", MODULE)
    return kept(f"cron-{version}", ["cron"], lambda folder: compile_package(".", folder / "cron", MODULE)) / "cron"


def ask(program: Path, questions: Iterable[tuple[str, int, str, str]]) -> list[str]:
    """Its answers: zone, count, time and schedule make a line of times, or `invalid`."""
    lines = "".join(f"{zone}\t{count}\t{at}\t{schedule}\n" for zone, count, at, schedule in questions)
    done = subprocess.run([program], input=lines, capture_output=True, text=True, check=True)
    return done.stdout.split("\n")[:-1]
