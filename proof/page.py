"""The page `docs/proof.md`, written from what was measured and nothing else."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence

from proof.record import Measurement
from proof.section import Section, Table

_INTRODUCTION = """\
`make proof` writes this page; nobody edits it. It starts the server as users do, a real API server and a real TCP
load balancer, all on the loopback of one machine, and measures what operators fear: restarts, new certificates,
connections that were idle, hostile bytes, memory, large objects."""
_LOAD = """\
The calls are AdmissionReviews over TLS, at a fixed rate: each has a moment at which it is due, and its time counts
from then, so a slow answer is not hidden by calls that wait for it. Half go to /mutate, half to /validate. Each has
its own uid and its own alias, and of each answer it is checked that the status is 200, the uid is that of the call,
the object is allowed, and the patch is there (/mutate) or is not (/validate). The generator keeps connections as the
API server's client (Go's net/http) does: the idle one used last first, 25 kept for 90 s, a connection that the server
closes while it is idle is dropped, and a call that was sent is never sent again. A call fails that has another answer
or none: refused, reset or ended connections, certificates that are not accepted, 5 seconds without answer, and also a
503, although the API server would try it again. The timers of the generator tick in milliseconds, so up to one of
them is its own."""

_MACHINE = """\
Server, API server, load and attacker share this machine. Each part was measured at a commit, and tells which share of
the processors other programs used meanwhile."""
_HEADINGS = ("part", "commit", "UTC", "minutes", "others")


def render(measured: Mapping[str, Measurement], facts: Sequence[tuple[str, str]], whole: bool) -> str:
    """The page in Markdown."""
    sections = [each.section for each in measured.values()]
    checks = [check for section in sections for check in section.checks]
    broken = sum(not check.holds for check in checks)
    verdict = f"**{broken} of {len(checks)} do not hold.**" if broken else f"All {len(checks)} hold."
    rows = [(check.what, check.seen, check.wanted, "yes" if check.holds else "**no**") for check in checks]
    return (
        "\n\n".join(
            [
                "# Proof",
                _wrapped(_INTRODUCTION),
                *([] if whole else ["**This is a part of the measurements, or a shorter run of them.**"]),
                verdict,
                _table(Table(("what", "seen", "must be", "holds"), rows)),
                "## Load",
                _wrapped(_LOAD),
                *(part for section in sections for part in _section(section)),
                "## Machine",
                _wrapped(_MACHINE),
                _table(Table(("", ""), list(facts))),
                _table(
                    Table(("part", "commit", "UTC", "minutes", "others"), [_row_of(*each) for each in measured.items()])
                ),
            ]
        ).rstrip()
        + "\n"
    )


def _section(section: Section) -> list[str]:
    parts = [f"## {section.title}", _wrapped(section.how), *(_table(table) for table in section.tables)]
    parts += [_wrapped(remark) for remark in section.remarks]
    for load, tally in section.faults.items():
        if tally.failed:
            lines = "\n".join(f"* {count} times: {_cell(text)}" for text, count in tally.faults.most_common())
            parts += [f"Why calls failed ({load}):", lines]
    return parts


def _row_of(part: str, measured: Measurement) -> tuple[str, ...]:
    return part, measured.commit, f"{measured.when:%Y-%m-%d %H:%M}", f"{measured.minutes:.1f}", measured.others


def _table(table: Table) -> str:
    lines = [_row(table.headings), "|" + "---|" * len(table.headings), *(_row(row) for row in table.rows)]
    return "\n".join(lines)


def _row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(_cell(cell) for cell in cells)} |"


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")


def _wrapped(text: str) -> str:
    return textwrap.fill(" ".join(text.split()), 120, break_long_words=False, break_on_hyphens=False)
