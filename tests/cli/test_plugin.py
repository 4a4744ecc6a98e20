"""The plugin of kubectl: how it calls itself, and what completes it; `tests/e2e/test_plugin.py` has kubectl."""

from __future__ import annotations

import os
import sys
from unittest.mock import patch

import pytest

from app.cli import main
from app.cli.plugin import complete
from app.rules.registry import RULES


def completed(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[list[str], str]:
    """What may come next, and what the shell is to do."""
    with patch.dict(os.environ), patch.object(sys, "argv", ["kubectl_complete-stash_admission", *words]):
        complete()
    *found, directive = capsys.readouterr().out.splitlines()
    return [line.partition("\t")[0] for line in found], directive


@pytest.mark.parametrize(
    ("words", "wanted"),
    [
        (["che"], ["check"]),
        (["explain", "unique-"], [rule for rule in RULES if rule.startswith("unique-")]),
        (["rules", "--rule", "unique-alias="], [f"unique-alias={level}" for level in ("enforce", "warn", "off")]),
        (["check", "--ol"], ["--old"]),
    ],
    ids=["a command", "a rule", "a level", "an option whose description has two lines"],
)
def test_what_may_come_next_is_told_as_kubectl_reads_it(
    capsys: pytest.CaptureFixture[str], words: list[str], wanted: list[str]
) -> None:
    assert completed(capsys, *words) == (wanted, ":4")


@pytest.mark.parametrize("words", [["check", ""], ["check", "mani"]])
def test_where_nothing_is_known_the_shell_offers_files(capsys: pytest.CaptureFixture[str], words: list[str]) -> None:
    assert completed(capsys, *words) == ([], ":0")


@pytest.mark.parametrize("words", [[], [""]])
def test_at_the_beginning_every_command_may_come(capsys: pytest.CaptureFixture[str], words: list[str]) -> None:
    found, directive = completed(capsys, *words)
    assert {"check", "doctor", "audit"} < set(found)
    assert directive == ":4"


@pytest.mark.parametrize(
    ("program", "name"),
    [("/usr/bin/kubectl-stash_admission", "kubectl stash-admission"), ("/usr/bin/stash-admission", "stash-admission")],
)
def test_it_calls_itself_as_it_was_called(capsys: pytest.CaptureFixture[str], program: str, name: str) -> None:
    with patch.object(sys, "argv", [program, "rules", "--help"]), pytest.raises(SystemExit):
        main()
    assert f"Usage: {name} rules" in capsys.readouterr().out
