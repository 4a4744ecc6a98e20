"""A server that cannot start, without a process for each: what `serve` says of it, and its exit code."""

import logging
import os
from pathlib import Path
from unittest import mock

import structlog
from typer.testing import CliRunner, Result

from app.cli import app
from app.settings import PREFIX

_SERVES = mock.patch("app.server.process.Process.run", side_effect=AssertionError("the server starts"))


def start(*arguments: str | Path, **variables: str) -> Result:
    """What `serve` does where it cannot start, with no other settings than these."""
    unset = {name: None for name in os.environ if name.startswith(PREFIX)}
    handlers = logging.getLogger().handlers[:]
    try:
        with _SERVES:
            return CliRunner(env={**unset, **variables}).invoke(app, ["serve", *map(str, arguments)])
    finally:  # it configures logging for the whole process
        logging.getLogger().handlers[:] = handlers
        structlog.reset_defaults()


def refusal(*arguments: str | Path, **variables: str) -> str:
    """The one line that a server says which cannot start."""
    ended = start(*arguments, **variables)
    assert ended.exit_code == 2, ended
    assert ended.stdout == ""
    (line,) = ended.stderr.splitlines()
    return line
