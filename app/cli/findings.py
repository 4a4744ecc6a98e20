"""How `check` and `audit` say what they found, and what they end with."""

from collections.abc import Callable, Iterable
from enum import StrEnum
from typing import TYPE_CHECKING

import typer

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

    if output is Output.TEXT:
        as_text()
        return
    writers = {
        Output.JSON: json_report.as_json,
        Output.SARIF: sarif.as_sarif,
        Output.JUNIT: junit.as_junit,
        Output.GITHUB: github.as_github,
    }
    typer.echo(writers[output](found))


def unread(unreadable: Iterable[object]) -> None:
    """Tell on standard error what could not be read."""
    for each in unreadable:
        typer.echo(f"Error: {each}", err=True)


def end(found: "Report", fail_on: FailOn) -> None:
    """Tell on standard error what could not be read, and end with the exit code."""
    unread(found.unreadable)
    if found.unreadable:
        raise typer.Exit(2)
    if found.count("error") or (fail_on is FailOn.WARNING and found.count("warning")):
        raise typer.Exit(1)
