"""The report for people: a line for each thing said, on a terminal with the place in the file."""

from collections.abc import Iterator
from dataclasses import dataclass

from rich.cells import cell_len
from rich.console import Group, RenderableType
from rich.text import Text

from app.commands.check.report import Report
from app.commands.check.runner import BESIDE_THE_RULES, Change, Checked, Diagnostic, Place
from app.commands.terminal.door import Door
from app.domain.outcome import Edit
from app.domain.path import dotted
from app.domain.quoting import printable, quoted

_STYLES = {"error": "bold red", "warning": "bold yellow", "change": "bold cyan"}
_MAX_FRAME_CHARS = 200
"""Characters of a line that are shown."""


@dataclass(frozen=True)
class _Line:
    """One thing said of an object."""

    place: Place | None
    word: str
    message: str
    rule: str


def show(report: Report, console: Door) -> None:
    """Print the report; on a terminal each line with a frame of the file."""
    for checked in report.checked:
        for line in sorted(_lines(checked), key=lambda each: _order(each.place)):
            if console.is_terminal and line.place is not None:
                console.print(_framed(where(checked, line.place), line, line.place), soft_wrap=True, highlight=False)
            else:
                console.say(f"{where(checked, line.place)}{line.word}: {line.message} ({line.rule})")
    console.say(summary(report))


def summary(report: Report) -> str:
    """The last line: how much was checked, and how much found."""
    said = [
        _number(report.count("error"), "error"),
        _number(report.count("warning"), "warning"),
        _number(report.changes, "change"),
    ]
    text = f"{_number(len(report.checked), 'object')} checked: {', '.join(said)}"
    return text + "".join(f"; {each}" for each in left_out(report))


def left_out(report: Report) -> Iterator[str]:
    """What was not checked, counted."""
    if report.others:
        yield f"{_number(report.others, 'object')} of other kinds left out"
    if report.other_files:
        yield f"{_number(report.other_files, 'file')} without Stash objects left out"


def where(checked: Checked, place: Place | None) -> str:
    """What a line about an object begins with: `backup.yaml:7:5: `, or of a cluster `BackupBatch demo/shop: `."""
    if checked.file is None or place is None:
        return f"{printable(str(checked))}: "
    return f"{printable(checked.file)}:{place.line}:{place.column}: "


def described(edit: Edit) -> str:
    """What an edit does: `spec.target.alias: "host-0" is written`."""
    path = printable(dotted(edit.path))
    if edit.op == "move":
        return f"{printable(dotted(edit.source))}: moved to {path}"
    if edit.op == "remove":
        return f"{path}: removed"
    return f"{path}: {printable(quoted(edit.value))} is written"


def with_commands(said: Diagnostic) -> str:
    """The message, and behind it what would mend it."""
    return said.message + (f" [{'; '.join(said.commands)}]" if said.commands else "")


def _lines(checked: Checked) -> Iterator[_Line]:
    for said in checked.findings:
        yield _Line(said.place, said.level, f"{said.path}: {said.message}", said.rule)
    for change in checked.changes:
        yield from _changed(change)


def _changed(change: Change) -> Iterator[_Line]:
    for edit, place in zip(change.edits, change.places, strict=True):
        yield _Line(place, "change", described(edit), change.rule)


def _order(place: Place | None) -> tuple[int, int]:
    return (0, 0) if place is None else (place.line, place.column)


def _framed(where: str, line: _Line, place: Place) -> RenderableType:
    """What is said, the line of the file with a caret below, and where more is said about the rule."""
    word = (f"{line.word}: ", _STYLES[line.word])
    head = Text.assemble((where, "bold"), word, f"{line.message} ", (f"({line.rule})", "dim"))
    start = place.column - 1
    begin = max(start - _MAX_FRAME_CHARS // 2, 0)
    shown = place.source[begin : begin + _MAX_FRAME_CHARS]
    before = "".join(each if each == "\t" else " " * cell_len(each) for each in shown[: start - begin])
    marked = shown[start - begin : start - begin + place.length]
    margin = " " * len(str(place.line))
    frame = [
        Text.assemble((f"{margin} |", "blue")),
        Text.assemble((f"{place.line} | ", "blue"), printable(shown.replace("\t", "\0")).replace("\\x00", "\t")),
        Text.assemble((f"{margin} | ", "blue"), before, ("^" * max(cell_len(marked), 1), _STYLES[line.word])),
    ]
    if line.rule not in BESIDE_THE_RULES:
        frame.append(Text.assemble((f"{margin} = ", "blue"), (f"stash-admission explain {line.rule}", "dim")))
    return Group(head, *frame, "")


def _number(count: int, noun: str) -> str:
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"
