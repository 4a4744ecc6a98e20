"""The command line `stash-admission`, one module for each group of commands.

A command imports what it needs when it runs, so that asking for help does not wait for a web server.
"""

import sys
import traceback
from io import TextIOWrapper
from typing import Annotated

import typer

from app.cli.catalogue import explain, rules
from app.cli.cluster import audit, backfill
from app.cli.installation import doctor
from app.cli.manifests import check, fix, plan
from app.cli.playground import playground
from app.cli.server import review, serve
from certs.version import option

app = typer.Typer(
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


@app.callback()
def commands(version: Annotated[bool, option("stash-admission")] = False) -> None:
    """Admission webhook server for Stash: keeps the backups of different targets apart."""


for command in (serve, check, fix, plan, playground, audit, backfill, review, rules, explain, doctor):
    app.command()(command)


def main() -> None:
    """Run the command line. Exit codes: 0 nothing to report, 1 findings, 2 usage or unreadable input, 3 internal."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="replace")  # a character that cannot be shown must not end the command
    try:
        app()
    except Exception:  # noqa: BLE001  our own bug must not look like the user's mistake
        traceback.print_exc()
        typer.echo("Error: this is a bug in stash-admission, not in your input", err=True)
        sys.exit(3)
