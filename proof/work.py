"""Processor time of a decision against the size of the object."""

from __future__ import annotations

import gc
import time
from typing import Any

import orjson

from app.admission.engine import Admission
from app.admission.response import render
from app.admission.review import parse, read_request
from proof.section import Check, Section, Table
from proof.stage import Stage
from testbed.laborious import MEMBERS, TEXTS
from testbed.reviews import review

_NUMBERS = (2_500, 10_000, 40_000)
_BYTES = (2**18, 2**20, 3 * 2**20)
_SENT = 3 * 2**20
"""Bytes of the largest object that an API server takes from its callers."""
_STORED = 3 * 2**19
"""Bytes of the largest object that etcd takes, and so of what an update has before it."""
_MOST_SECONDS = 1.0
_TRIES = 3

_HOW = f"""\
One process decides on objects of each shape in three sizes, as /validate does: from the bytes of the review to those
of the answer, without network. First the object is created, then it is updated in one other field. The time is what
the processor worked, the least of {_TRIES} tries. No API server sends the largest ones: it takes
{_SENT // 2**20} MiB from its callers, and etcd stores half of that, so an update has no more before it."""


def measure(stage: Stage) -> Section:
    """Processor time of creates and updates, for each shape of object and each size."""
    section, admission, rows = Section("Work", _HOW), Admission(), []
    slowest, sizes = 0.0, [(name, make, _NUMBERS) for name, make in MEMBERS.items()]
    sizes += [(name, make, _BYTES) for name, make in TEXTS.items()]
    thresholds = gc.get_threshold()
    gc.set_threshold(50_000, 20, 100)  # as the server has them
    try:
        for done, (name, make, each) in enumerate(sizes):
            stage.telling.at(name, done, len(sizes))
            for size in each:
                stored = make(size)
                update = {**stored, "spec": {**stored["spec"], "paused": True}}
                length = len(orjson.dumps(stored))
                create, change = _seconds(admission, stored), _seconds(admission, update, stored)
                if length <= _SENT:
                    slowest = max(slowest, create)
                if length <= _STORED:
                    slowest = max(slowest, change)
                figures = (create, change, create / length * 2**20)
                rows.append((name, f"{size:,}", f"{length / 2**20:.2f}", *(f"{each * 1000:.0f}" for each in figures)))
    finally:
        gc.set_threshold(*thresholds)
    text = f"processor time of the slowest object that an API server sends, of {len(rows)} objects"
    seen = f"{slowest * 1000:,.0f} ms"
    section.checks.append(Check(text, seen, f"at most {_MOST_SECONDS * 1000:,.0f} ms", slowest <= _MOST_SECONDS))
    headings = ("object", "members or bytes", "MiB", "create ms", "update ms", "ms for each MiB")
    section.tables.append(Table(headings, rows))
    return section


def _seconds(admission: Admission, document: dict[str, Any], old: dict[str, Any] | None = None) -> float:
    body, tries = orjson.dumps(review(document, old)), []
    for _ in range(_TRIES):
        began = time.process_time()
        request = read_request(parse(body))
        render(request, admission.validate(request))
        tries.append(time.process_time() - began)
    return min(tries)
