"""The commands that the documents show, with what they really write."""

import contextlib
import os
import re
import shlex
import subprocess
from pathlib import Path

from typer.testing import CliRunner

from app.cli import app

_PART = re.compile(r"(<!-- (?P<how>run|draw): (?P<command>.*?) -->\n).*?(<!-- end -->)", re.DOTALL)
_ROOT = Path(__file__).parent.parent
_STYLES = re.compile(r"\x1b\[[0-9;]*m")


def with_output(text: str) -> str:
    """The document with the output of every command made anew.

    `run` shows what a pipe gets, `draw` what a terminal of 110 columns does, without its colours.
    """
    return _PART.sub(lambda match: f"{match[1]}{_shown(match['command'], match['how'])}{match[4]}", text)


def _shown(command: str, how: str) -> str:
    source, _, consumer = command.rpartition(" | ")
    given = subprocess.run(shlex.split(source), cwd=_ROOT, capture_output=True, check=True).stdout if source else b""  # noqa: S603
    program, *arguments = shlex.split(consumer)
    if program != "stash-admission":
        raise ValueError(f"only commands of stash-admission can be run in documents, not {command}")
    variables = {"NO_COLOR": "1", "COLUMNS": "110"} | ({"FORCE_COLOR": "1"} if how == "draw" else {})
    with contextlib.chdir(_ROOT):
        result = CliRunner(env={"STASH_ADMISSION_RULE": None, "STASH_ADMISSION_CONFIG": None, **variables}).invoke(
            app, arguments, input=given
        )
    if result.exit_code not in (0, 1, 2):
        raise ValueError(f"{command} ended with {result.exit_code}: {result.output}{os.linesep}{result.exception}")
    output = "\n".join(line.rstrip() for line in _STYLES.sub("", result.output).splitlines()).strip("\n")
    return f"```console\n$ {command}\n{output}\n```\n"
