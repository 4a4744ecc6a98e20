"""The script by which krew's plugin starts: it makes an environment once, whoever else does so meanwhile."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from testbed.child import dying_with_us
from testbed.patience import PATIENCE
from tools.release.krew import launcher

PYTHON = """#!/bin/sh
case "$*" in
  "-c "*version_info*) [ "$(cat {folder}/version)" = 3.9 ] && {{ echo "Python 3.11 or newer is needed" >&2; exit 1; }}
    cat {folder}/version ;;
  "-m venv "*) mkdir -p "$3/bin" && cp "$0" "$3/bin/python" && echo >> {folder}/made ;;
  *" -r "*) until [ "$(wc -l < {folder}/made)" -ge {calls} ]; do sleep 0.01; done
    [ ! -e {folder}/fails ] ;;
  *"-m pip "*) here=$(dirname "$0") && : > "$here/kubectl-stash_admission" ;;
  *kubectl-stash_admission*) [ -e "$1" ] && shift && echo "ran $*" ;;
  *) exec {python} "$@" ;;
esac
"""
"""Stands for Python. What it installs takes until as many environments are under way as there are calls."""


@pytest.fixture
def start(tmp_path: Path) -> Callable[..., list[tuple[int, str]]]:
    """Call the script several times at once: the exit code of each, and what it wrote."""
    programs = tmp_path / "programs"
    programs.mkdir()
    (tmp_path / "version").write_text("3.12")
    (tmp_path / "made").touch()
    script = tmp_path / "kubectl-stash_admission"
    script.write_text(launcher("0.1.0", "it.whl"))
    script.chmod(0o755)

    def call(*words: str, calls: int = 1) -> list[tuple[int, str]]:
        (programs / "python3").write_text(PYTHON.format(python=sys.executable, folder=tmp_path, calls=calls))
        (programs / "python3").chmod(0o755)
        environment = {
            "PATH": f"{programs}{os.pathsep}{os.environ['PATH']}",
            "XDG_CACHE_HOME": str(tmp_path / "cache"),
            "HOME": str(tmp_path),
        }
        started = [
            subprocess.Popen(
                dying_with_us([str(script), *words]),
                env=environment,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
            )
            for _ in range(calls)
        ]
        return [(each.returncode, said) for each in started for said, _ in [each.communicate(timeout=PATIENCE)]]

    return call


def environments(tmp_path: Path) -> list[str]:
    return sorted(path.name for path in (tmp_path / "cache" / "stash-admission").iterdir())


def test_the_first_call_makes_an_environment_and_the_next_uses_it(
    start: Callable[..., list[tuple[int, str]]], tmp_path: Path
) -> None:
    ((code, said),) = start("check", "a file")
    assert (code, said.splitlines()[-1]) == (0, "ran check a file")
    assert "making an environment" in said
    assert start("rules") == [(0, "ran rules\n")]
    assert environments(tmp_path) == ["0.1.0-python3.12"]


def test_two_first_calls_do_not_disturb_each_other(start: Callable[..., list[tuple[int, str]]], tmp_path: Path) -> None:
    assert [(code, said.splitlines()[-1]) for code, said in start("rules", calls=2)] == [(0, "ran rules")] * 2
    assert environments(tmp_path) == ["0.1.0-python3.12"]


def test_what_could_not_be_installed_leaves_nothing_and_is_made_by_the_next_call(
    start: Callable[..., list[tuple[int, str]]], tmp_path: Path
) -> None:
    (tmp_path / "fails").touch()
    ((code, said),) = start("rules")
    assert code != 0
    assert "ran" not in said
    assert environments(tmp_path) == []
    (tmp_path / "fails").unlink()
    assert [code for code, _ in start("rules")] == [0]


def test_another_python_gets_an_environment_of_its_own_and_one_that_is_gone_a_new_one(
    start: Callable[..., list[tuple[int, str]]], tmp_path: Path
) -> None:
    start("rules")
    (tmp_path / "version").write_text("3.13")
    assert [code for code, _ in start("rules")] == [0]
    assert environments(tmp_path) == ["0.1.0-python3.12", "0.1.0-python3.13"]
    (tmp_path / "cache" / "stash-admission" / "0.1.0-python3.13" / "bin" / "python").unlink()
    ((code, said),) = start("rules")
    assert (code, said.splitlines()[-1]) == (0, "ran rules")


def test_a_python_that_is_too_old_is_told(start: Callable[..., list[tuple[int, str]]], tmp_path: Path) -> None:
    (tmp_path / "version").write_text("3.9")
    assert start("rules") == [(1, "Python 3.11 or newer is needed\n")]
