"""The command line `stash-certs`."""

import datetime
from pathlib import Path
from typing import Annotated

import typer

from certs.files import write
from certs.issuing import issue_ca, issue_leaf

app = typer.Typer(
    help="Certificates for stash-admission.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def main() -> None:
    """Run the command line."""
    app()


@app.callback()
def commands() -> None:
    """Certificates for stash-admission."""


@app.command()
def issue(
    directory: Annotated[Path, typer.Option("--dir", help="Where the files are written.")],
    dns: Annotated[list[str], typer.Option(help="DNS name or IP address to serve under. Repeatable.")],
) -> None:
    """Issue a CA and a serving pair (ca.crt, tls.crt, tls.key) for local use.

    Example: stash-certs issue --dir .local/certs --dns localhost --dns 127.0.0.1
    """
    now = datetime.datetime.now(datetime.UTC)
    ca = issue_ca(now)
    try:
        leaf = issue_leaf(ca, dns, now)
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint="--dns") from None
    try:
        write(directory, ca, leaf)
    except OSError as error:
        raise typer.BadParameter(f"cannot write into {directory}: {error.strerror}", param_hint="--dir") from None
    until = leaf.certificate.not_valid_after_utc.date()
    typer.echo(f"{directory}: ca.crt, tls.crt and tls.key for {', '.join(dns)}, valid until {until}")
