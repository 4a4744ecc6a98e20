"""Hostile connections: what they get, and what the others notice."""

from __future__ import annotations

import contextlib
import os
import resource
import sys
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import orjson

from proof.attacks import ATTACKS
from proof.calls import Reviews
from proof.load import Load
from proof.replicas import NotReady, Replica, Slot, replicas, slots
from proof.section import Section, Table
from proof.stage import Stage, issue, trusting
from proof.tally import Tally
from testbed.child import Child

_BOUND = 140
"""Seconds after which a connection is said to be still open."""
_AT_ONCE, _HEAVY_AT_ONCE = 20, 3
"""Connections of a kind at once, while the others' latency is measured; of a kind that asks much."""
_HEAVY = "an answer nobody reads"
_BEFORE, _DURING = 2.5, 4.0
"""Seconds of load, without and with hostile connections."""
_KEPT, _FRESH = 100, 10
"""Calls a second of the others: on connections that are kept, and each on a new one."""
_CROWDS = (
    ("idle TLS connections", "silent after TLS", 2000),
    ("bodies announced and never sent", "a body announced and never sent", 400),
)
"""More than the server's bounds on connections and on calls in flight."""
_CROWD_SECONDS = 12

_HOW = f"""\
Each kind of hostile connection is made against a server of its own: {_AT_ONCE} at once ({_HEAVY_AT_ONCE} that do not
read), each that ends again a second later, for {_DURING:g} s. The others make {_KEPT} calls a second on connections
that are kept and {_FRESH} each on a new one, during {_BEFORE:g} s before (the baseline) and meanwhile; the times are
those of the kept connections. Memory is what the server's resident memory grew at its highest, from the end of the
baseline. What a connection gets is seen on another server at the same time: three of each kind, for up to {_BOUND} s,
which the longest time-outs need. The last ones are crowds: so many at once, for {_CROWD_SECONDS} s, which is more
than the server lets in."""


@dataclass
class Attacked:
    """What one kind did."""

    before: Load
    during: Load
    fresh: Load
    grown: int = 0
    """KiB."""
    got: Counter[str] = field(default_factory=Counter)
    after: list[float] = field(default_factory=list)


def measure(stage: Stage) -> Section:
    """What hostile connections get, and the others' latency meanwhile."""
    folder = stage.folder("hostile")
    certificates, ca = issue(folder)
    (folder / "ca.pem").write_bytes(ca)
    section, every, quiet = Section("Hostile connections", _HOW), dict[str, Attacked](), Tally()
    places, context = slots(2), trusting(ca)
    with replicas(certificates, folder, places[0]) as (server,):
        others = stage.reviews(places[0].port, lambda: context, Reviews(2), 10)
        began = time.monotonic()
        with stage.background.loads(others), _attacking(folder, "all", server, "3", _BOUND) as attacker:
            for kind in ATTACKS:
                stage.telling.at(kind, len(every), len(ATTACKS) + len(_CROWDS))
                more = ["--again", "--kind", kind]
                count = _HEAVY_AT_ONCE if kind == _HEAVY else _AT_ONCE
                every[kind] = _attacked(stage, folder, places[1], ca, count, _DURING, more)
            for name, kind, count in _CROWDS:
                most = min(count, resource.getrlimit(resource.RLIMIT_NOFILE)[0] - 200)
                title = f"{most:,} {name}"
                stage.telling.at(title, len(every), len(ATTACKS) + len(_CROWDS))
                every[title] = _attacked(stage, folder, places[1], ca, most, _CROWD_SECONDS, ["--kind", kind])
            while attacker.running:
                passed = time.monotonic() - began
                stage.telling.at("waiting for time-outs", passed, _BOUND)
                if passed > _BOUND + 60:
                    raise NotReady(f"the attacker does not end: {attacker.tail(3)}")
                time.sleep(0.3)
        quiet = others.tally
        ended = server.metrics("stash_admission_(?:connections_ended|handshakes_refused|bad_calls)_total")
    for line in _lines(folder / "all.json"):
        every[line["kind"]].got[line["got"]] += 1
        every[line["kind"]].after.append(line["after"])
    _fill(section, every, quiet, ended)
    return section


def _attacked(
    stage: Stage, folder: Path, place: Slot, ca: bytes, count: int, seconds: float, more: list[str]
) -> Attacked:
    context = trusting(ca)
    with replicas(folder / "certs", folder, place) as (server,):
        before, during = (stage.reviews(place.port, lambda: context, Reviews(2), _KEPT) for _ in range(2))
        fresh = stage.reviews(place.port, lambda: context, Reviews(2), _FRESH, fresh=True)
        it = Attacked(before, during, fresh)
        with stage.background.loads(it.before):
            time.sleep(_BEFORE)
        rest = server.memory()
        with (
            stage.background.loads(it.during, it.fresh),
            _attacking(folder, "one", server, str(count), seconds, *more) as attacker,
        ):
            until = time.monotonic() + seconds + 30
            while attacker.running and time.monotonic() < until:
                it.grown = max(it.grown, server.memory() - rest)
                time.sleep(0.1)
    seen = _lines(folder / "one.json")
    if not seen:
        raise NotReady(f"the attacker did nothing: {attacker.tail(3)}")
    if "--again" not in more:
        for line in seen:
            it.got[line["got"]] += 1
            it.after.append(line["after"])
    return it


@contextlib.contextmanager
def _attacking(folder: Path, name: str, server: Replica, each: str, seconds: float, *more: str) -> Iterator[Child]:
    command = [sys.executable, "-m", "proof.attacks", str(server.slot.port), str(seconds)]
    command += [str(folder / f"{name}.json"), str(folder / "ca.pem"), "--each", each, *more]
    child = Child(command, folder / f"{name}.log", dict(os.environ))
    try:
        yield child
    finally:
        child.stop(grace=0)


def _lines(file: Path) -> list[dict[str, Any]]:
    return [orjson.loads(line) for line in file.read_bytes().splitlines()]


def _fill(section: Section, every: dict[str, Attacked], quiet: Tally, ended: dict[str, float]) -> None:
    others = [tally for each in every.values() for tally in (each.during.tally, each.fresh.tally)]
    section.none_failed("calls of others failed beside hostile connections", quiet, *others)
    section.at_least("kinds of hostile connections made", sum(bool(each.got) for each in every.values()), len(every))
    got, cost = [], []
    for kind, each in every.items():
        what = "; ".join(f"{text} ({count})" if len(each.got) > 1 else text for text, count in each.got.most_common())
        got.append((kind, what or "nothing was seen", _span(each.after)))
        before, during, fresh = each.before.tally, each.during.tally, each.fresh.tally
        latencies = [tally.milliseconds(share) for share in (0.5, 0.99) for tally in (before, during)]
        failed = f"{during.failed + fresh.failed} of {during.calls + fresh.calls}"
        cost.append((kind, failed, *latencies, f"{max(each.grown, 0) / 1024:.1f}"))
        section.faults |= {f"beside: {kind}": during, f"beside: {kind}, new connections": fresh}
    section.tables.append(Table(("connection", "it gets", "after"), got))
    headings = ("connection", "others failed", "p50 ms before", "meanwhile", "p99 ms before", "meanwhile", "memory MiB")
    section.tables.append(Table(headings, cost))
    if ended:
        counts = ", ".join(f"`{name}` {value:g}" for name, value in ended.items())
        section.remarks.append(f"The server with three of each kind counted in its metrics: {counts}.")


def _span(seconds: list[float]) -> str:
    if not seconds:
        return "-"
    low, high = f"{min(seconds):.1f}", f"{max(seconds):.1f}"
    return f"{low} s" if low == high else f"{low} to {high} s"
