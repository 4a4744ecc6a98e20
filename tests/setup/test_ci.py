"""`.ci/packages`: what tests need beside Python is there, or is said, or fails."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from testbed.patience import PATIENCE

ROOT = Path(__file__).parents[2]
TOOLS = ("cut", "sort", "timeout", "sh", "touch", "chmod")
NEEDED = ("prometheus", "promtool", "chromium", "chromedriver", "restic")


class Machine:
    """One with hardly a program, for root or for somebody else."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        for name in TOOLS:
            (folder / name).symlink_to(str(shutil.which(name)))

    def has(self, name: str, script: str = "exit 0") -> None:
        """Put a program there."""
        (self.folder / name).write_text(f"#!/bin/sh\n{script}\n")
        (self.folder / name).chmod(0o755)

    def packages(self, ci: str) -> tuple[int, str]:
        """The exit code of `.ci/packages`, and what it says."""
        done = subprocess.run(
            [str(shutil.which("bash")), ROOT / ".ci/packages"], env={"PATH": str(self.folder), "CI": ci}, check=False,
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=PATIENCE,
        )  # fmt: skip
        return done.returncode, done.stdout


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    it = Machine(tmp_path)
    it.has("id", "echo 1000")
    return it


def test_nothing_is_said_where_nothing_is_missing(machine: Machine) -> None:
    for name in NEEDED:
        machine.has(name)
    assert machine.packages(ci="true") == (0, "")


@pytest.mark.parametrize(("ci", "code"), [("", 0), ("true", 1)])
def test_what_is_missing_is_said_and_fails_in_ci(machine: Machine, ci: str, code: int) -> None:
    for name in NEEDED[1:]:
        machine.has(name)
    said = (
        "prometheus is not installed (apt install prometheus), so this is skipped: tests/manifests/test_monitoring.py\n"
    )
    assert machine.packages(ci) == (code, said)


def test_root_installs_what_is_missing(machine: Machine) -> None:
    machine.has("id", "echo 0")
    here = machine.folder
    machine.has(
        "apt-get", f"cd {here}; [ $1 = update ] || {{ touch {' '.join(NEEDED)}; chmod +x {' '.join(NEEDED)}; }}"
    )
    assert machine.packages(ci="true") == (0, "")


def test_what_apt_says_is_shown_where_it_fails(machine: Machine) -> None:
    machine.has("id", "echo 0")
    machine.has("apt-get", "echo E: no such package; exit 100")
    code, said = machine.packages(ci="true")
    assert code == 1
    assert said.startswith("E: no such package\nprometheus is not installed")


def test_a_run_in_ci_ends_where_something_is_missing() -> None:
    lines = (ROOT / ".ci/run").read_text().splitlines()
    assert (
        lines.index("set -euo pipefail") < lines.index(".ci/packages") < lines.index("exec make lint verify test e2e")
    )
    assert os.access(ROOT / ".ci/packages", os.X_OK)
