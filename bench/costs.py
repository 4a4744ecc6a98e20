"""What decisions cost by themselves: rules, members, inventory. The engine is asked in a process of its own."""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
from collections.abc import Iterator

from bench.cores import pinned_to, server_core
from bench.engine import ASKED, EACH, SORTS, STEPS
from bench.load import WEBHOOKS
from bench.result import Figures, Line, Plot, Section, Table, number
from bench.servers import ROOT
from bench.setting import Setting
from testbed.child import dying_with_us
from testbed.server import environment

_RULES = """\
The engine alone, without network, in a process of its own on one core: from the bytes of a review to those of its
answer. A clock around each rule tells what it costs within a whole decision, so the first rule that needs a view of the
object pays for it. µs, medians of {rounds} rounds; the objects are those that the load sends, as other kinds where the
column says so. The inventory holds {stored} backups. Rules that took less than 0.05 µs everywhere are
left out."""
_MEMBERS = """\
The engine again: a decision from bytes to bytes against the number of members of a BackupBatch, with the steps of which
it is made. "Parse" is JSON and the review's envelope, "decide" reads the object and runs the rules, "render" writes the
answer."""
_INVENTORY = """\
A decision of /validate on a batch of two members against the number of objects that the server knows beside those that
the reviews are about: {asked} Repositories, which backups name in turn, each with {each} other backups, and the batch
whose data is restored. All inventories are in one process and are asked in turn.

Of ten objects one is a Repository, each with a place of its own. What the index by place costs is told by inventories
of {most:,} objects, each filled in a process of its own: with these places, and with Repositories that have no backend,
and are found by their names. Time is the CPU time of taking the objects in, memory what the process grows
by: medians of {rounds} rounds."""
_FILLS = {"with places": (), "without": ("--nowhere",)}
_MAX_FILLS = 3
"""Rounds in which inventories are filled, which takes many seconds."""


def rules(setting: Setting) -> Section:
    """What each rule costs."""
    setting.telling.at("every rule")
    scale = setting.scale
    figures = _measured(setting, "--rules")
    section = Section("Rules", _RULES.format(rounds=scale.rounds, stored=EACH * ASKED), figures=figures)
    columns = [f"{kind}/{size}" for kind, size in SORTS]
    headings = (_sort(*sort) for sort in SORTS)
    names = dict.fromkeys(key.split("/")[1] for key in figures if key.startswith("rule/"))
    rows = [(name, *_cells(figures, (f"rule/{name}/{column}" for column in columns))) for name in names]
    section.tables.append(Table(("rule", *headings), [row for row in rows if any(cell for cell in row[1:])]))
    decisions = [
        (f"a decision of /{webhook}", *_cells(figures, (f"decide/{webhook}/{column}" for column in columns)))
        for webhook in WEBHOOKS
    ]
    section.tables.append(Table(("with all rules", *(_sort(*sort) for sort in SORTS)), decisions))
    return section


def members(setting: Setting) -> Section:
    """What more members cost."""
    sizes = setting.scale.members
    setting.telling.at(f"{sizes[0]} to {sizes[-1]:,} members")
    figures = _measured(setting, "--members", *map(str, sizes))
    section = Section("Members", _MEMBERS, figures=figures)
    lines = [
        Line(f"/{webhook}", [(size, statistics.median(figures[f"engine/{webhook}/{size}"])) for size in sizes])
        for webhook in WEBHOOKS
    ]
    section.pictures.append(Plot("members", "A decision against the number of members", "members", "µs", lines))
    rows = [
        (
            f"{size:,}",
            *(
                number(statistics.median(figures[f"{step}/{webhook}/{size}"]))
                for webhook in WEBHOOKS
                for step in (*STEPS, "engine")
            ),
        )
        for size in sizes
    ]
    headings = (f"/{webhook}: {step}" for webhook in WEBHOOKS for step in (*STEPS, "all"))
    section.tables.append(Table(("members", *headings), rows, words=0))
    return section


def inventory(setting: Setting) -> Section:
    """What more backups in the inventory cost."""
    sizes = setting.scale.inventory
    setting.telling.at(f"an inventory of {sizes[-1]:,}")
    figures = _measured(setting, "--inventory", *map(str, sizes))
    fills = min(setting.scale.rounds, _MAX_FILLS)
    figures |= _filled(setting, sizes[-1], fills)
    how = _INVENTORY.format(asked=ASKED, each=EACH, most=sizes[-1], rounds=fills)
    section = Section("Inventory", how, figures=figures)
    kinds = ("BackupBatch", "RestoreBatch")
    # A logarithm has no 0: the empty inventory is drawn where one object would be.
    lines = [
        Line(kind, [(max(size, 1), statistics.median(figures[f"inventory/{kind}/{size}"])) for size in sizes])
        for kind in kinds
    ]
    title = "A decision against the objects in the inventory (none: at 1)"
    section.pictures.append(Plot("inventory", title, "objects", "µs", lines, flat=True))
    rows = [
        (f"{size:,}", *(number(statistics.median(figures[f"inventory/{kind}/{size}"])) for kind in kinds))
        for size in sizes
    ]
    section.tables.append(Table(("objects", *(f"{kind} µs" for kind in kinds)), rows, words=0))
    shown = [
        (
            name,
            *(number(statistics.median(figures[f"inventory/{what}/{name}/{sizes[-1]}"])) for what in ("seconds", "mb")),
        )
        for name in _FILLS
    ]
    section.tables.append(Table((f"{sizes[-1]:,} objects", "seconds to fill", "MB"), shown))
    return section


def _filled(setting: Setting, size: int, rounds: int) -> Figures:
    """How long inventories take to be filled and what they hold, with places and without, in turn."""
    found = Figures()
    for _ in range(rounds):
        for name, flags in _FILLS.items():
            for what, each in _measured(setting, "--fill", str(size), *flags).items():
                found.setdefault(f"inventory/{what}/{name}/{size}", []).extend(each)
    return found


def _measured(setting: Setting, *flags: str) -> Figures:
    scale = setting.scale
    command = [sys.executable, "-m", "bench.engine", str(setting.programs["load"])]
    command += ["--rounds", str(scale.rounds), "--decisions", str(scale.decisions), *flags]
    with pinned_to(server_core()):
        done = subprocess.run(  # noqa: S603  our own command
            dying_with_us(command),
            cwd=ROOT,
            env=environment(PYTHONPATH=str(ROOT)),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
    if done.returncode != 0:
        raise RuntimeError(f"the engine could not be measured: {done.stderr.strip()[-1000:]}")
    figures: Figures = json.loads(done.stdout)
    return figures


def _cells(figures: Figures, keys: Iterator[str]) -> list[str]:
    medians = [statistics.median(figures[key]) if key in figures else 0.0 for key in keys]
    return [number(each) if each >= 0.05 else "" for each in medians]


def _sort(kind: str, size: int) -> str:
    return f"{kind}, {size}" if kind.endswith("Batch") else kind
