"""The engine by itself, without a network: `python -m bench.engine`, a program of its own that prints figures in JSON.

In one process on one core: what each rule costs, what each step costs, and what more members and more backups in the
inventory cost. Times are in microseconds.
"""

from __future__ import annotations

import argparse
import gc
import json
import resource
import statistics
import sys
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from functools import wraps
from pathlib import Path
from typing import Any

from app.admission.engine import Admission
from app.admission.response import render
from app.admission.review import parse, read_request
from app.inventory.folder import inventory_of
from app.inventory.store import Inventory
from app.rules import registry
from bench.decisions import Reviews, repository, stored_repository
from bench.load import WEBHOOKS, Webhook
from bench.result import Figures
from testbed.server import backup

SORTS = (
    ("BackupBatch", 2), ("BackupBatch", 50), ("BackupBatch", 500),
    ("RestoreBatch", 2), ("RestoreBatch", 50), ("RestoreBatch", 500),
    ("BackupConfiguration", 1), ("RestoreSession", 1),
)  # fmt: skip
"""Kinds and numbers of members whose rules are measured."""
STEPS = ("parse", "decide", "render")
ASKED = 100
"""Repositories that reviews name in turn, which all inventories hold."""
EACH = 4
"""Backups that use one Repository."""
_LARGEST = max(size for _, size in SORTS)

Clocks = dict[str, list[float]]


def main() -> None:
    """Measure, and print the figures."""
    parser = argparse.ArgumentParser(prog="python -m bench.engine", description=__doc__)
    parser.add_argument("load", type=Path, help="the load generator, whose reviews are asked about")
    parser.add_argument("--rounds", type=int, required=True)
    parser.add_argument("--decisions", type=int, required=True, help="of each sort in a round, of two members")
    parser.add_argument("--members", type=int, nargs="*", default=[])
    parser.add_argument("--inventory", type=int, nargs="*", default=[])
    parser.add_argument("--rules", action="store_true", help="measure each rule")
    parser.add_argument("--fill", type=int, help="fill an inventory with so many objects")
    parser.add_argument("--nowhere", action="store_true", help="fill it with Repositories that have no place")
    given = parser.parse_args()
    reviews, figures = Reviews(given.load), Figures()
    gc.set_threshold(50_000, 20, 100)  # as the server has it
    if given.fill:
        _fill(given.fill, placed=not given.nowhere, figures=figures)
    if given.inventory:
        _sizes_of_inventory(reviews, given.inventory, given.rounds, given.decisions, figures)
    if given.members:
        _sizes_of_batches(reviews, given.members, given.rounds, given.decisions, figures)
    if given.rules:
        _rules(reviews, given.rounds, given.decisions, figures)
    sys.stdout.write(json.dumps(figures))


def _decide(admission: Admission, webhook: Webhook, body: bytes) -> tuple[float, ...]:
    """The times of the steps from the bytes of a review to those of its answer."""
    started = time.perf_counter()
    request = read_request(parse(body))
    read = time.perf_counter()
    decision = admission.mutate(request) if webhook == "mutate" else admission.validate(request)
    decided = time.perf_counter()
    answer = render(request, decision)
    done = time.perf_counter()
    if b'"allowed":true' not in answer:
        raise RuntimeError(f"a review that was meant to be allowed was refused: {answer[:500]!r}")
    return (read - started) * 1e6, (decided - read) * 1e6, (done - decided) * 1e6


def _of_size(decisions: int, members: int) -> int:
    return max(decisions * 4 // (members + 2), 5)


def _medians(rows: Iterable[tuple[float, ...]]) -> list[float]:
    return [statistics.median(column) for column in zip(*rows, strict=True)]


def _sizes_of_batches(reviews: Reviews, sizes: list[int], rounds: int, decisions: int, figures: Figures) -> None:
    admission = Admission({}, _inventory(reviews, 0))
    _leave_to_stay()
    asked = [(webhook, size, reviews.of(webhook, size, "BackupBatch", ASKED)) for webhook in WEBHOOKS for size in sizes]
    numbers = _numbers()
    for turn in range(rounds + 1):
        for webhook, size, make in asked:
            times = [_decide(admission, webhook, make(next(numbers))) for _ in range(_of_size(decisions, size))]
            if turn:
                for step, spent in zip(STEPS, _medians(times), strict=True):
                    figures.setdefault(f"{step}/{webhook}/{size}", []).append(spent)
                figures.setdefault(f"engine/{webhook}/{size}", []).append(statistics.median(map(sum, times)))


def _sizes_of_inventory(reviews: Reviews, sizes: list[int], rounds: int, decisions: int, figures: Figures) -> None:
    admissions = {size: Admission({}, _inventory(reviews, size)) for size in sizes}
    _leave_to_stay()
    asked = {kind: reviews.of("validate", 2, kind, ASKED) for kind in ("BackupBatch", "RestoreBatch")}
    numbers = _numbers()
    for turn in range(rounds + 1):
        times: Clocks = defaultdict(list)
        for _ in range(decisions):  # one of each, in turn: what disturbs one disturbs all
            for size, admission in admissions.items():
                for kind, make in asked.items():
                    steps = _decide(admission, "validate", make(next(numbers)))
                    times[f"inventory/{kind}/{size}"].append(sum(steps))
        if turn:
            for name, each in times.items():
                figures.setdefault(name, []).append(statistics.median(each))


def _fill(count: int, *, placed: bool, figures: Figures) -> None:
    """How long an inventory takes to be filled, and what it holds; the objects are made and dropped one by one."""
    inventory_of(_others(1_000, placed=placed))  # what comes first loads modules and fills caches
    gc.collect()
    before = resident()
    made = 0.0
    inventory = Inventory(stale_after=None)
    for document in _others(count, placed=placed):
        begun = time.process_time()
        inventory.put(document["kind"], document)
        made += time.process_time() - begun
    gc.collect()
    figures["seconds"] = [made]
    figures["mb"] = [resident() - before]
    assert sum(inventory.counts().values()) == count  # noqa: S101  it is held until here


def resident() -> float:
    """Resident memory of this process in MB (10^6 bytes)."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize() / 1e6


def _rules(reviews: Reviews, rounds: int, decisions: int, figures: Figures) -> None:
    clocks: Clocks = defaultdict(list)
    for name, rule in registry.RULES.items():
        registry.RULES[name] = replace(rule, function=_clocked(rule.function, clocks[name]))
    admission = Admission({}, _inventory(reviews, 0))
    _leave_to_stay()
    asked = [
        (webhook, kind, size, reviews.of(webhook, size, kind, ASKED)) for kind, size in SORTS for webhook in WEBHOOKS
    ]
    numbers = _numbers()
    for turn in range(rounds + 1):
        for webhook, kind, size, make in asked:
            for clock in clocks.values():
                clock.clear()
            times = [_decide(admission, webhook, make(next(numbers))) for _ in range(_of_size(decisions, size))]
            if not turn:
                continue
            figures.setdefault(f"decide/{webhook}/{kind}/{size}", []).append(_medians(times)[1])
            for name, clock in clocks.items():
                if clock:
                    figures.setdefault(f"rule/{name}/{kind}/{size}", []).append(statistics.median(clock))
    kinds = {kind for kind, _ in SORTS}
    ours = [name for name, rule in registry.RULES.items() if kinds.intersection(rule.kinds)]
    unseen = [name for name in ours if not any(key.startswith(f"rule/{name}/") for key in figures)]
    if unseen:
        raise RuntimeError(f"the engine did not call {', '.join(unseen)} as the catalogue has it")


def _clocked(function: Callable[..., Iterable[Any]], clock: list[float]) -> Callable[..., Iterable[Any]]:
    """The rule, which writes down how long it took."""

    @wraps(function)
    def clocked(*given: Any) -> Iterable[Any]:
        started = time.perf_counter()
        found = list(function(*given))
        clock.append((time.perf_counter() - started) * 1e6)
        return found

    return clocked


def _inventory(reviews: Reviews, others: int) -> Inventory:
    """What reviews name: Repositories, and the backups in them; and so many other objects."""
    return inventory_of([*reviews.restored(_LARGEST), *_named(), *_others(others)])


def _named() -> Iterator[dict[str, Any]]:
    for number in range(ASKED):
        yield stored_repository(repository(number))
        for each in range(EACH):
            yield _stored(f"named-{number}-{each}", repository(number))


def _others(count: int, *, placed: bool = True) -> Iterator[dict[str, Any]]:
    """Of ten, one is a Repository, and the others are BackupConfigurations, four in one Repository."""
    for number in range(count):
        if number % 10 == 0:
            yield stored_repository(f"other-{number // EACH}", placed=placed)
        else:
            yield _stored(f"other-{number}", f"other-{number // EACH}")


def _stored(name: str, used: str) -> dict[str, Any]:
    document = backup(repository={"name": used})
    document["spec"]["target"]["alias"] = name
    return {**document, "metadata": {"name": name, "namespace": "shop"}}


def _numbers() -> Iterator[int]:
    return iter(range(1, 10**11))


def _leave_to_stay() -> None:
    gc.collect()
    gc.freeze()  # as the server does


if __name__ == "__main__":
    main()
