"""How `check` and `audit` say what they found, and what they end with."""

from collections.abc import Callable, Iterable
from enum import StrEnum
from typing import TYPE_CHECKING

import typer

from app.cli.console import tell

if TYPE_CHECKING:
    from app.commands.check.report import Report


class Output(StrEnum):
    """What they write."""

    TEXT = "text"
    JSON = "json"
    SARIF = "sarif"
    JUNIT = "junit"
    GITHUB = "github"


class FailOn(StrEnum):
    """What ends them with exit code 1."""

    ERROR = "error"
    WARNING = "warning"


def say(found: "Report", output: Output, as_text: Callable[[], None]) -> None:
    """Write what was found to standard output; `as_text` does so for people."""
    from app.commands.check import github, json_report, junit, sarif
    from app.commands.terminal.door import data, markup

    if output is Output.TEXT:
        as_text()
        return
    writers = {
        Output.JSON: lambda: data(json_report.as_json(found)),
        Output.SARIF: lambda: data(sarif.as_sarif(found)),
        Output.JUNIT: lambda: markup(junit.as_junit(found)),
        Output.GITHUB: lambda: github.as_github(found),
    }
    typer.echo(writers[output]())


def unread(unreadable: Iterable[object]) -> None:
    """Tell on standard error what could not be read."""
    for each in unreadable:
        tell(f"Error: {each}")


def passed_over(skipped: Iterable[object]) -> None:
    """Tell on standard error which objects were not looked at."""
    for each in skipped:
        tell(f"Note: {each}")


def end(found: "Report", fail_on: FailOn) -> None:
    """Tell on standard error what could not be read, and end with the exit code."""
    passed_over(found.skipped)
    unread(found.unreadable)
    if found.unreadable:
        raise typer.Exit(2)
    if found.count("error") or (fail_on is FailOn.WARNING and found.count("warning")):
        raise typer.Exit(1)
