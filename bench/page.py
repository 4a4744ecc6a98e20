"""The page `docs/benchmarks.md`, written from what was measured and nothing else."""

from __future__ import annotations

import datetime
import textwrap
from collections.abc import Iterator, Mapping, Sequence

from bench.ratios import TARGETS, missed
from bench.result import Bars, Plot, Section, Table

_INTRODUCTION = """\
`make bench` writes this page; nobody edits it. Everything on it is of one run on one machine, in which all that is
compared runs side by side and is asked in turn. Absolute figures are the machine's; the ratios are what counts, and
`make bench-check` measures them again and compares."""
_PEERS = """\
The peers are in `bench/peers/`: webhooks in Go on controller-runtime and on `net/http` with `encoding/json`, each with
GOMAXPROCS=1 as the server has one core; kopf's webhook server; FastAPI as it is usually written; and, as the floor, the
same uvicorn as this server's, answering a constant."""
_TARGETS = """\
A ratio is the median over the rounds of what was measured in the same round. Unless it says otherwise, it is of 8
connections and of the whole rule set. "By CPU" is the same ratio made of what a call costs the server's process instead
of calls a second. One core is busy all the time, so the two differ by what else ran on the machine."""

_MISSED = """\
What is missed, and why. The peers decide less: four rules instead of all, no look for keys that come twice or for
what is nested too deep, no check of the type of every field. The profile below shows where the time of a call goes.
At 2 members no layer has more than a fifth of it, and the largest (reading JSON, the check of the model, TLS) are C
already: nothing is left there that could be taken away to halve the whole, which is what the floor and `net/http` ask
for. The peers in Python are slow where they make a patch; at /validate they make none. All of it depends on the Python
that runs it: one that was built with profile-guided optimisation needed a tenth less CPU."""


def render(
    sections: Sequence[Section],
    seen: Mapping[str, float],
    by_cpu: Mapping[str, float],
    facts: Sequence[tuple[str, str]],
    when: datetime.datetime,
    whole: bool,
) -> str:
    """The page in Markdown, for the folder `docs/`; `seen` are the ratios, `by_cpu` those of CPU."""
    return (
        "\n\n".join(
            [
                "# Benchmarks",
                _wrapped(_INTRODUCTION),
                *([] if whole else ["**This is a part of the measurements, or a shorter run of them.**"]),
                _wrapped(_PEERS),
                *_targets(seen, by_cpu),
                *(part for section in sections for part in _section(section)),
                "## Machine",
                f"Measured on {when:%Y-%m-%d} (UTC).",
                _table(Table(("", ""), [tuple(fact) for fact in facts], words=2)),
            ]
        ).rstrip()
        + "\n"
    )


def _targets(seen: Mapping[str, float], by_cpu: Mapping[str, float]) -> Iterator[str]:
    shown = [target for target in TARGETS if target.name in seen]
    if not shown:
        return
    yield "## Targets"
    broken = len(missed(seen))
    yield f"**{broken} of {len(shown)} are missed.**" if broken else f"All {len(shown)} are met."
    yield _wrapped(_TARGETS)
    rows = [
        (
            target.name,
            f"{seen[target.name]:.2f}",
            f"{by_cpu[target.name]:.2f}" if target.name in by_cpu else "",
            target.wanted,
            "yes" if target.holds(seen[target.name]) else "**no**",
        )
        for target in shown
    ]
    yield _table(Table(("ratio", "measured", "by CPU", "wanted", "met"), rows))
    if broken:
        yield _wrapped(_MISSED)


def _section(section: Section) -> Iterator[str]:
    yield f"## {section.title}"
    yield _wrapped(section.how)
    for picture in section.pictures:
        yield _picture(picture)
    for table in section.tables:
        yield _table(table)
    for remark in section.remarks:
        yield _wrapped(remark)


def _picture(picture: Plot | Bars) -> str:
    return f"![{picture.title}](benchmarks/{picture.file}.svg)"


def _table(table: Table) -> str:
    rules = ["---" if index < table.words else "---:" for index in range(len(table.headings))]
    return "\n".join([_row(table.headings), f"|{'|'.join(rules)}|", *(_row(row) for row in table.rows)])


def _row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(_cell(cell) for cell in cells)} |"


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")


def _wrapped(text: str) -> str:
    return textwrap.fill(" ".join(text.split()), 120, break_long_words=False, break_on_hyphens=False)
