"""The report as commands of GitHub Actions, which show what is said beside the lines of a pull request."""

from collections.abc import Iterator

from app.commands.check.report import Report
from app.commands.check.runner import Checked, Place
from app.commands.check.text import described, with_commands
from app.domain.quoting import printable


def as_github(report: Report) -> str:
    """A command for each finding, each change and each file that cannot be read."""
    return "\n".join(_commands(report))


def _commands(report: Report) -> Iterator[str]:
    for checked in report.every:
        for said in checked.findings:
            message = with_commands(said) if said.place is not None else f"{said.path}: {with_commands(said)}"
            yield _about(checked, said.level, said.place, said.rule, message)
        for change in checked.changes:
            for edit, place in zip(change.edits, change.places, strict=True):
                yield _about(checked, "notice", place, change.rule, described(edit))
    for each in report.skipped:
        yield _command("notice", each.file, each.line, each.column, "left out", each.message)
    for wrong in report.unreadable:
        yield _command("error", wrong.file, wrong.line, wrong.column, "unreadable", wrong.message)


def _about(checked: Checked, level: str, place: Place | None, title: str, message: str) -> str:
    if checked.file is None or place is None:
        return f"::{level} title={_property(title)}::{_data(printable(f'{checked}: {message}'))}"
    return _command(level, checked.file, place.line, place.column, title, message)


def _command(level: str, file: str, line: int | None, column: int | None, title: str, message: str) -> str:
    place = "" if line is None else f",line={line},col={column}"
    return f"::{level} file={_property(printable(file))}{place},title={_property(title)}::{_data(printable(message))}"


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
