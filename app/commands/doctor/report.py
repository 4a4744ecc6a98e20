"""Remarks as people read them: a line each below a heading, and what to do about it."""

from collections import Counter
from collections.abc import Iterable, Sequence

from rich.text import Text

from app.commands.terminal.door import Door
from certs.diagnostics import Diagnosis, Level

_STYLES = {Level.OK: "green", Level.NOTE: "yellow", Level.WRONG: "bold red"}
_WIDTH = max(len(each.value) for each in Level)


def report(sections: Iterable[tuple[str, Sequence[Diagnosis]]], console: Door) -> bool:
    """Print them as they come, and how many are not ok. Whether nothing is wrong.

    Meanwhile a terminal shows that there is more to come: also that of standard error, if it is the only one.
    """
    counts: Counter[Level] = Counter()
    with (console if console.is_terminal else Door(stderr=True)).status("asking the API server ..."):
        for heading, remarks in sections:
            _print(console, Text(heading, "bold"))
            for each in remarks:
                counts[each.level] += 1
                _remark(console, each)
    wrong, notes = counts[Level.WRONG], counts[Level.NOTE]
    noted = f", {notes} note{'' if notes == 1 else 's'}" if notes else ""
    _print(console, Text(f"{wrong or 'nothing'} wrong{noted}", "bold"))
    return not wrong


def _remark(console: Door, remark: Diagnosis) -> None:
    level = Text(remark.level.value.ljust(_WIDTH), _STYLES[remark.level])
    _print(console, Text("  ").append_text(level).append(f"  {remark.line}"))
    indent = " " * (_WIDTH + 4)
    if remark.evidence:
        _print(console, Text(f"{indent}{remark.evidence}", "dim"))
    for number, line in enumerate(remark.remedy.splitlines()):
        _print(console, Text(f"{indent}{'     ' if number else 'fix: '}{line}"))


def _print(console: Door, text: Text) -> None:
    # A line that is wrapped could not be copied as a command.
    console.print(text, soft_wrap=True)
