"""`make bench`: measure, and write docs/benchmarks.md."""

import argparse
import datetime
import sys
import tempfile
from pathlib import Path

from bench.inventory import Row, measure
from tests.proof.machine import facts

PAGE = Path(__file__).parents[1] / "docs" / "benchmarks.md"


def page(rows: list[Row], rounds: int, calls: int) -> str:
    """The page in Markdown."""
    empty, full = rows[1], rows[2]
    measured = "\n".join(
        f"| {row.title} | {row.sync:.1f} s | {row.memory:.0f} MiB | {row.median:.0f} µs "
        f"| {row.least:.0f} to {row.most:.0f} µs |"
        for row in rows
    )
    machine = "\n".join(f"| {name} | {value} |" for name, value in facts(None) if name != "haproxy")
    return f"""# Benchmarks

`make bench` writes this page; nobody edits it.

## What a full cluster costs

Three servers in one run, asked in turn: {rounds} rounds of {calls:,} calls each on one connection, every call a new
BackupBatch of two members with names of its own. The time is the server's, from the last byte of a review to its
answer, as `stash_admission_decision_seconds` has it: medians of the rounds, and their range. The API servers run on
the same machine.

| the server knows | ready after | memory | a decision | rounds |
|---|---|---|---|---|
{measured}

A decision costs {full.median / empty.median:.2f} times as much in the full cluster as in the empty one, and the server
has {full.memory - empty.memory:.0f} MiB more.

## Machine

Measured on {datetime.datetime.now(datetime.UTC):%Y-%m-%d} (UTC).

| | |
|---|---|
{machine}
"""


def main() -> None:
    """Measure."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--rounds", type=int, default=7, help="rounds of calls (7)")
    parser.add_argument("--calls", type=int, default=2000, help="calls in a round (2000)")
    parser.add_argument("--page", type=Path, default=PAGE, help="where the page is written")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="stash-admission-bench-") as folder:
        rows = measure(Path(folder), given.rounds, given.calls)
    given.page.write_text(page(rows, given.rounds, given.calls))
    sys.stdout.write(f"{given.page} written\n")


if __name__ == "__main__":
    main()
