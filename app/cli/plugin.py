"""`kubectl stash-admission`: the same commands as a plugin of kubectl, and what completes them there.

kubectl finds both programs by their names on the PATH. Of the second it expects what programs in Go print: a line for
each completion, and last what the shell is to do.
"""

import os
import shlex
import sys
from contextlib import redirect_stdout, suppress
from io import StringIO

from app.cli import app

_NAME = "stash-admission"
_FILES, _NO_FILES = 0, 4
"""What the shell is to do with the completions: offer files where there are none, or never."""


def complete() -> None:
    """Print what may come next, after the words that kubectl has: the last one is not whole yet."""
    words = sys.argv[1:] or [""]
    # Of the shells that the library knows, fish is told the same: each completion with its description after a tab.
    os.environ |= {
        "_STASH_ADMISSION_COMPLETE": "complete_fish",
        "_TYPER_COMPLETE_FISH_ACTION": "get-args",
        "_TYPER_COMPLETE_ARGS": shlex.join([_NAME, *words]),
    }
    with redirect_stdout(StringIO()) as said, suppress(SystemExit):
        app(prog_name=_NAME)
    found = said.getvalue().strip().splitlines()
    # A description goes on in lines of its own, where kubectl would take these for completions.
    found = [line for line in found if "\t" in line] or found
    sys.stdout.write("".join(f"{line}\n" for line in (*found, f":{_NO_FILES if found else _FILES}")))
