"""The program at a terminal."""

import os
import pty
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from testbed.patience import PATIENCE

PROGRAM = str(Path(sys.executable).with_name("stash-admission"))


IMPATIENT = (
    sys.executable,
    "-c",
    "from app.cli import console, main; console.PROGRESS_AFTER_SECONDS = -1; main()",
)
"""The program, which says at once what it otherwise says after a second."""


def on_a_terminal(*command: str, program: Sequence[str] = (PROGRAM,), **variables: str) -> str:
    """What the program writes where standard output and standard error are a terminal."""
    ours, theirs = pty.openpty()
    environment = {**os.environ, "TERM": "xterm-256color", "COLUMNS": "100", **variables}
    for name in ("NO_COLOR", "FORCE_COLOR", "TTY_COMPATIBLE", "TTY_INTERACTIVE"):
        environment.pop(name, None) if name not in variables else None
    with subprocess.Popen([*program, *command], stdout=theirs, stderr=theirs, env=environment) as process:
        os.close(theirs)
        written = b""
        while True:
            try:
                part = os.read(ours, 65536)
            except OSError:  # Linux says so where the other end is closed
                part = b""
            if not part:
                break
            written += part
        process.wait(timeout=PATIENCE)
    os.close(ours)
    return written.decode().replace("\r\n", "\n")
