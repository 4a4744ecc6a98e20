"""How `check` and `audit` say what they found, and what they end with."""

import os
from collections.abc import Callable, Iterable
from enum import StrEnum
from pathlib import Path
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
    """Tell on standard error what could not be read, and what leaves out the templates of charts."""
    in_charts = 0
    for each in unreadable:
        tell(f"Error: {each}")
        in_charts += _in_chart(getattr(each, "file", ""))
    if in_charts:
        which = "1 of these is a template" if in_charts == 1 else f"{in_charts} of these are templates"
        tell(
            f"Note: {which} of a Helm chart: leave such out, as with --exclude 'charts/*/templates', and check what "
            "`helm template` writes"
        )


def _in_chart(file: str) -> bool:
    """Whether a file is a template of a Helm chart."""
    above = Path(file).parts[:-1]
    return any(
        part == "templates" and os.path.isfile(os.path.join(*above[:at], "Chart.yaml"))  # noqa: PTH113, PTH118
        for at, part in enumerate(above)
    )


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
