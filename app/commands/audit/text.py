"""The audit for people: what is wrong with each object, and how much each rule found."""

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from rich.table import Table
from rich.text import Text

from app.commands.audit.damage import Damages
from app.commands.audit.runner import Audit
from app.commands.check.runner import BESIDE_THE_RULES, Checked
from app.commands.check.text import left_out, where
from app.commands.terminal.door import Door
from app.domain.quoting import printable
from app.rules.registry import RULES

_STYLES = {"error": "bold red", "warning": "bold yellow", "change": "bold cyan"}
_LEVELS = tuple(_STYLES)
_MAX_NAMED = 5
"""Snapshots that are named; JSON names all."""


class _Total(NamedTuple):
    """What one rule found with one effect."""

    level: str
    rule: str
    objects: int
    findings: int


def show(audit: Audit, console: Door) -> None:
    """Print the findings: on a terminal a table, elsewhere a line each; then what each rule found, and a summary."""
    if console.is_terminal:
        if any(each.findings for each in audit.report.every):
            console.print(_findings(audit.report.every))
            console.print()
    else:
        for line in _lines(audit.report.every):
            console.say(line)
    if audit.damages is not None:
        for line in _removals(audit.damages):
            console.say(line)
    totals = list(_totals(audit.report.every))
    if totals:
        console.print(_table(totals))
        console.print()
    console.say(summary(audit))


def summary(audit: Audit) -> str:
    """The last line: how many objects were audited, and what would become of them."""
    checked = audit.report.checked
    refused = sum(any(said.level == "error" for said in each.findings) for each in checked)
    warned = sum(any(said.level == "warning" for said in each.findings) for each in checked)
    changed = sum(bool(each.changes) for each in checked)
    text = f"{_number(len(checked))} audited: {refused} would be refused, {warned} warned of, {changed} changed"
    if audit.deleting:
        text += f"; {_number(audit.deleting)} being deleted left out"
    if audit.damages is not None:
        text += f"; {_number(audit.damages.snapshots, 'snapshot')} compared"
        text += f", {_number(len(audit.damages.checked), 'finding')}"
    return text + "".join(f"; {each}" for each in left_out(audit.report))


def _lines(checked: list[Checked]) -> Iterator[str]:
    for each in checked:
        for said in each.findings:
            yield f"{where(each, said.place)}{said.level}: {said.path}: {said.message} ({said.rule})"
            if said.snapshots:
                yield f"    {_named(said.snapshots)}"
            yield from (f"    $ {command}" for command in said.commands)


def _named(snapshots: Sequence[str]) -> str:
    """`snapshots 0446f38e, 71f9fb8a and 3 more`."""
    named = ", ".join(each[:8] for each in snapshots[:_MAX_NAMED])
    more = f" and {len(snapshots) - _MAX_NAMED} more" if len(snapshots) > _MAX_NAMED else ""
    return f"snapshot{'' if len(snapshots) == 1 else 's'} {named}{more}"


def _removals(damages: Damages) -> Iterator[str]:
    """What retention removes next, a line for each host and path."""
    for repository, each in damages.removals:
        ids = [snapshot.id for snapshot in each.removed]
        yield printable(
            f"{repository}: retention of {each.key} removes {_named(ids)} of {each.of} of host {each.host}, "
            f"{', '.join(each.paths)}, after the run of {each.at:%Y-%m-%d %H:%M} UTC"
        )


def _findings(checked: list[Checked]) -> Table:
    table = Table(box=None, header_style="bold", pad_edge=False, padding=(0, 2, 0, 0))
    table.add_column("OBJECT", overflow="fold", max_width=40)
    table.add_column("EFFECT")
    table.add_column("RULE", no_wrap=True)
    table.add_column("WHAT IS WRONG", overflow="fold")
    for each in checked:
        name = printable(str(each))
        for said in each.findings:
            place = "" if said.place is None else where(each, said.place).removesuffix(" ") + "\n"
            mended = "".join(f"\n$ {command}" for command in said.commands)
            listed = f"\n{_named(said.snapshots)}" if said.snapshots else ""
            what = Text(f"{place}{said.path}: {said.message}{listed}{mended}")
            table.add_row(Text(name), Text(said.level, _STYLES[said.level]), Text(said.rule), what)
            name = ""  # said once
    return table


def _table(totals: list[_Total]) -> Table:
    table = Table(box=None, header_style="bold", pad_edge=False, padding=(0, 2, 0, 0))
    table.add_column("EFFECT")
    table.add_column("RULE")
    table.add_column("OBJECTS", justify="right")
    table.add_column("FINDINGS", justify="right")
    for each in totals:
        table.add_row(Text(each.level, _STYLES[each.level]), each.rule, str(each.objects), str(each.findings))
    return table


def _totals(checked: list[Checked]) -> Iterator[_Total]:
    """What each rule found, refusals first, in the rules' order."""
    objects: Counter[tuple[str, str]] = Counter()
    findings: Counter[tuple[str, str]] = Counter()
    for each in checked:
        counted: list[tuple[str, str]] = [(said.level, said.rule) for said in each.findings]
        counted += [("change", change.rule) for change in each.changes for _ in change.edits]
        objects.update(set(counted))
        findings.update(counted)
    for level in _LEVELS:
        for rule in (*RULES, *BESIDE_THE_RULES):
            if (level, rule) in objects:
                yield _Total(level, rule, objects[level, rule], findings[level, rule])


def _number(count: int, noun: str = "object") -> str:
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"
