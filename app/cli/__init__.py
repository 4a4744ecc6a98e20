"""The command line `stash-admission`, one module for each group of commands.

A command imports what it needs when it runs, so that asking for help does not wait for a web server.
"""

import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from io import TextIOWrapper
from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperGroup
from typer.exceptions import TyperException

from app.cli.catalogue import explain, rules
from app.cli.cluster import audit, backfill
from app.cli.console import tell
from app.cli.installation import doctor, register
from app.cli.manifests import check, fix, plan
from app.cli.playground import playground
from app.cli.policies import policies
from app.cli.server import review, serve
from certs.version import option

_PLUGIN = "kubectl stash-admission"
"""How it is called as a plugin of kubectl, which runs a program of that name with hyphens: see app/cli/plugin.py."""


class _Commands(TyperGroup):
    """What is wrong with a call may quote the name of a file, so it goes through the door as well."""

    def make_context(self, *given: Any, **named: Any) -> Any:
        with _escaping():
            return super().make_context(*given, **named)

    def invoke(self, ctx: Any) -> Any:
        with _escaping():
            return super().invoke(ctx)


@contextmanager
def _escaping() -> Iterator[None]:
    try:
        yield
    except TyperException as error:
        from app.commands.terminal.door import one_line

        if isinstance(said := getattr(error, "message", None), str):
            error.message = one_line(said)
        raise


app = typer.Typer(
    cls=_Commands,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


@app.callback()
def commands(version: Annotated[bool, option("stash-admission")] = False) -> None:
    """Admission webhook server for Stash: keeps the backups of different targets apart."""


_COMMANDS = (
    serve, check, fix, plan, playground, audit, backfill, review, rules, explain, doctor, register, policies,
)  # fmt: skip
for command in _COMMANDS:
    app.command()(command)


def main() -> None:
    """Run the command line. Exit codes: 0 nothing to report, 1 findings, 2 usage or unreadable input, 3 internal."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="replace")  # a character that cannot be shown must not end the command
    try:
        app(prog_name=_PLUGIN if Path(sys.argv[0]).name.startswith("kubectl-") else None)
    except Exception:  # noqa: BLE001  our own bug must not look like the user's mistake
        tell(traceback.format_exc().rstrip(), lines=True)
        tell("Error: this is a bug in stash-admission, not in your input")
        sys.exit(3)
