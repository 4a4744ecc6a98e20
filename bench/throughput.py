"""Every server side by side, each asked in turn in every way: calls a second, times, CPU, memory."""

from __future__ import annotations

import itertools
import json
import statistics
from collections.abc import Iterator, Sequence
from pathlib import Path

from bench.load import WEBHOOKS, Cell, Load, Slice
from bench.result import Bars, Figures, Section, Table, number, share
from bench.servers import SUBJECTS, Server, knowing, serving
from bench.setting import Setting
from testbed.server import backup

MEASURES = ("rate", "p50", "p99", "p999", "cpu")
COMPARED = 8
"""Connections of the ratios and of the picture."""
_INVENTORY = 1_000
_WARMUP = 0.05
_SLOW = 1.0
"""Seconds that the first calls of all connections may take for a slice to have a warm-up."""

_HOW = """\
All servers run all the time, each pinned to the same core, and one at a time is asked, by a load generator on another
core: on connections that stay open (TLS 1.3), each with one call under way. In each round every server gets a slice of
{seconds:g} s of each kind of calls, in turn, in another order each round, and the first slice of all is not counted;
of calls that are too slow for {few} in that time it gets {few}. Each figure is the median of {rounds} rounds; behind
the calls a second is half of what lies between the fastest and the slowest round. Every call is a new BackupBatch with
a uid, a name and aliases of its own, and every answer is checked: status, uid, allowed, and of /mutate that there is a
patch. One call failed ends the run. A review has {bytes}. CPU is that of the server's process, for one call. p99.9 of
fewer than 1,000 calls in a slice is the slowest call. This server runs with all its rules, its metrics, and its log,
one line a call, written to a file; the peers have the four core rules, and a log line a call, except the floor, which
answers a constant. "With an inventory" is the same server with {inventory:,} backups that it knows, and with the rules
that ask about them."""


def measure(setting: Setting) -> Section:
    """Run all rounds."""
    scale, folder = setting.scale, setting.room("throughput")
    cells = [Cell(*each) for each in itertools.product(WEBHOOKS, scale.sizes, scale.connections)]
    figures: Figures = {}
    sizes: dict[int, int] = {}
    subjects = [*SUBJECTS, knowing(_manifests(folder))]
    with serving(subjects, setting.programs, setting.certificates, folder) as servers:
        rates = Rates(Load(setting.programs), setting)
        work = [(turn, cell) for turn in range(scale.rounds + 1) for cell in cells]
        for done, (turn, cell) in enumerate(work):
            setting.telling.at(f"round {turn} of {scale.rounds}, {cell.name}", done, len(work))
            for server in _rotated(servers, turn):
                if server.subject.key == "knowing" and cell.connections != COMPARED:
                    continue
                seen = rates.slice(server, cell, first=turn == 0)
                sizes[cell.members] = seen.body_bytes
                if turn:
                    _add(figures, f"{cell.name}/{server.subject.key}", seen)
        _new_connections(setting, servers, figures)
        for server in servers:
            figures[f"memory/throughput/{server.subject.key}"] = [server.memory()]
    said = ", ".join(f"{count / 1000:.1f} KB with {members} members" for members, count in sizes.items())
    how = _HOW.format(seconds=scale.seconds, few=scale.few, rounds=scale.rounds, bytes=said, inventory=_INVENTORY)
    section = Section("Calls", how, figures=figures)
    titles = {each.key: each.title for each in subjects}
    section.tables.append(_summary(figures, scale.sizes, titles))
    section.tables += [_table(figures, cell, titles) for cell in cells]
    section.tables.append(_fresh_table(figures, titles))
    section.remarks.append(_busiest(figures, cells, titles))
    section.pictures.append(_bars(figures, scale.sizes, titles))
    return section


class Rates:
    """Slices, as long as what was seen of a server before says."""

    def __init__(self, load: Load, setting: Setting) -> None:
        self._load, self._scale = load, setting.scale
        self._seen: dict[tuple[str, Cell], float] = {}

    def slice(self, server: Server, cell: Cell, *, first: bool) -> Slice:
        """One slice. The first of each sort is short, and says how slow the server is."""
        key = server.subject.key, cell
        if first:
            seen = self._load(server, cell, seconds=min(0.15, self._scale.seconds))
            self._seen[key] = seen.rate
            return seen
        rate, scale = self._seen[key], self._scale
        if rate * scale.seconds < scale.few:
            return self._load(server, cell, calls=max(scale.few, cell.connections))
        warmup = _WARMUP if cell.connections / rate < _SLOW else 0.0
        return self._load(server, cell, seconds=scale.seconds, warmup=warmup)


def _rotated(servers: Sequence[Server], turn: int) -> Iterator[Server]:
    start = turn % len(servers)
    return itertools.chain(servers[start:], servers[:start])


def _add(figures: Figures, name: str, seen: Slice) -> None:
    for measured in (*MEASURES, "client"):
        figures.setdefault(f"{measured}/{name}", []).append(getattr(seen, measured))


def _new_connections(setting: Setting, servers: Sequence[Server], figures: Figures) -> None:
    """A new TLS connection for each call, 8 at a time."""
    load, cell = Load(setting.programs), Cell("validate", 2, COMPARED)
    for turn in range(setting.scale.rounds):
        setting.telling.at(f"round {turn + 1} of {setting.scale.rounds}, a new connection for each call")
        for server in _rotated(servers, turn):
            seen = load(server, cell, seconds=setting.scale.seconds, new_connections=True)
            _add(figures, f"new/{server.subject.key}", seen)


def _manifests(folder: Path) -> Path:
    """A folder of manifests for the server that knows other backups."""
    made = folder / "inventory"
    made.mkdir()
    backups = (
        {**backup(repository={"name": f"repository-{each}"}), "metadata": {"name": f"b-{each}", "namespace": "shop"}}
        for each in range(_INVENTORY)
    )
    (made / "backups.yaml").write_text("".join(f"---\n{json.dumps(each)}\n" for each in backups))
    return made


def _summary(figures: Figures, sizes: Sequence[int], titles: dict[str, str]) -> Table:
    cells = [Cell(webhook, size, COMPARED) for webhook in WEBHOOKS for size in sizes]
    headings = [f"/{each.webhook}, {each.members}" for each in cells]
    rows = [
        (
            title,
            *(number(statistics.median(figures[f"rate/{cell.name}/{key}"])) for cell in cells),
            number(figures[f"memory/throughput/{key}"][0]),
        )
        for key, title in titles.items()
    ]
    return Table((f"calls a second, {COMPARED} connections", *headings, "MB at the end"), rows)


def _table(figures: Figures, cell: Cell, titles: dict[str, str]) -> Table:
    connections = f"{cell.connections} connection{'s' if cell.connections > 1 else ''}"
    headings = (f"/{cell.webhook}, {cell.members} members, {connections}", "calls/s", "±", *_TIMES, "against Go")
    return Table(headings, _rows(figures, cell.name, titles))


_TIMES = ("p50 ms", "p99 ms", "p99.9 ms", "CPU ms")


def _fresh_table(figures: Figures, titles: dict[str, str]) -> Table:
    headings = ("/validate, 2 members, a new connection for each call, 8 at a time", "calls/s", "±", *_TIMES)
    return Table((*headings, "against Go"), _rows(figures, "new", titles))


def _rows(figures: Figures, name: str, titles: dict[str, str]) -> list[tuple[str, ...]]:
    rows = []
    for key, title in titles.items():
        if f"rate/{name}/{key}" not in figures:
            continue
        rate, *times = (statistics.median(figures[f"{measured}/{name}/{key}"]) for measured in MEASURES)
        go = statistics.median(figures[f"rate/{name}/controllerruntime"])
        spread = share(spread_of(figures[f"rate/{name}/{key}"]))
        rows.append((title, number(rate), spread, *(number(each / 1000) for each in times), f"{rate / go:.2f}"))
    return rows


def _busiest(figures: Figures, cells: Sequence[Cell], titles: dict[str, str]) -> str:
    """Where the load generator was nearest to its own end."""
    busy = {
        (title, cell): statistics.median(figures[f"client/{cell.name}/{key}"])
        for key, title in titles.items()
        for cell in cells
        if f"client/{cell.name}/{key}" in figures
    }
    others = {(title, cell): part for (title, cell), part in busy.items() if title != titles["floor"]}
    return (
        f"The load generator used at most {share(max(busy.values()))} of its core, and {share(max(others.values()))} "
        "where it did not call the floor: near 100 %, it is not the server alone that is measured."
    )


def spread_of(values: Sequence[float]) -> float:
    """Half of what lies between the largest and the smallest, as a part of the median."""
    return (max(values) - min(values)) / 2 / statistics.median(values)


def _bars(figures: Figures, sizes: Sequence[int], titles: dict[str, str]) -> Bars:
    panels: dict[str, dict[str, list[float]]] = {}
    for webhook in WEBHOOKS:
        panels[f"/{webhook}"] = {
            title: [statistics.median(figures[f"rate/{Cell(webhook, size, COMPARED).name}/{key}"]) for size in sizes]
            for key, title in titles.items()
        }
    groups = tuple(f"{size} members" for size in sizes)
    return Bars("calls", f"Calls a second on one core, {COMPARED} connections", "calls/s", groups, panels)
