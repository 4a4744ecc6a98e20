"""The option `--version`, of both programs."""

from typing import Any

import typer


def option(program: str) -> Any:
    """The option that has a program say its version and end, whatever else it was given."""

    def say(wanted: bool) -> None:
        if wanted:
            from importlib.metadata import version

            typer.echo(f"{program} {version('stash-admission')}")
            raise typer.Exit

    return typer.Option("--version", help="Print the version and exit.", callback=say, is_eager=True)
