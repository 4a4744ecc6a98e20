"""`make proof`: run the measurements, write the page, and fail if something does not hold."""

from __future__ import annotations

import contextlib
import datetime
import resource
import signal
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, NoReturn

import typer

from proof import (
    balancer,
    claims,
    hostile,
    idle,
    listing,
    machine,
    memory,
    page,
    policies,
    restarts,
    rotations,
    siege,
    work,
)
from proof.background import Background
from proof.progress import Telling
from proof.record import Measurement, Record
from proof.section import Check, Section
from proof.stage import WHOLE, Stage
from testbed.child import sweep_after_us
from testbed.control_plane import binaries
from testbed.control_plane.gobuild import MissingBinariesError

PAGE = machine.ROOT / "docs" / "proof.md"
KEPT = machine.ROOT / ".local" / "proof"
PARTS: dict[str, Callable[[Stage], Section]] = {
    "restarts": restarts.measure,
    "rotations": rotations.measure,
    "idle": idle.measure,
    "hostile": hostile.measure,
    "memory": memory.measure,
    "siege": siege.measure,
    "work": work.measure,
    "listing": listing.measure,
    "claims": claims.measure,
    "policies": policies.measure,
}
"""In the order of the page."""
_NEED_BALANCER = {"restarts", "rotations"}
_NEED_CLUSTER = {"restarts", "rotations", "idle", "listing", "claims", "policies"}
_FIRST = ("memory", "hostile", "siege", "work")
"""Run before the API server is started: they need none, and one at rest takes a part of a core."""
_FILES = 8192


def main(
    only: Annotated[str | None, typer.Option(metavar="PARTS", help=f"Measure some of {','.join(PARTS)}.")] = None,
    rounds: Annotated[int, typer.Option(min=1, max=1000, help="Rolling restarts; the rest is scaled.")] = WHOLE,
    where: Annotated[
        Path | None, typer.Option("--page", help="File to write. What was measured whole goes into docs/proof.md.")
    ] = None,
) -> None:
    """Measure what the server stands, and write it down.

    A part that was measured whole is kept, so an interrupted run goes on where it was: only what is not yet
    measured of this commit is. With --only the page has of the other parts what was measured last.

    Exit codes: 0 all holds, 1 something does not, 2 usage or something missing, 130 interrupted.
    """
    commit, record, is_whole = machine.commit(), Record(KEPT), rounds >= WHOLE
    wanted = list(PARTS) if only is None else [each for each in PARTS if each in only.split(",")]
    if only is not None and (unknown := set(only.split(",")) - set(PARTS)):
        _fail(f"--only: there is no {', '.join(sorted(unknown))!r}; there are {', '.join(PARTS)}")
    kept = {part: found for part in PARTS if is_whole and (found := record.find(part))}
    if only is None:
        wanted = [
            part for part in wanted if not (part in kept and kept[part].commit == commit and machine.is_known(commit))
        ]
    if _NEED_BALANCER & set(wanted):
        try:
            balancer.program()
        except balancer.Missing as missing:
            _fail(str(missing))
    programs = None
    if _NEED_CLUSTER & {*wanted, *kept}:
        try:
            programs = binaries.find_or_build()  # which may take minutes, and says so
        except MissingBinariesError as missing:
            _fail(str(missing))
    _allow_files()
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        kept |= _measure(wanted, rounds, commit, record if is_whole else None)
    except KeyboardInterrupt:
        typer.echo("interrupted: all processes are ended; parts that were measured whole are kept", err=True)
        sys.exit(130)
    shown = {part: kept[part] for part in PARTS if part in kept}
    whole = is_whole and len(shown) == len(PARTS)
    text = machine.without_paths(page.render(shown, machine.facts(programs), whole))
    if target := where or (PAGE if whole else None):
        target.write_text(text)
    else:
        typer.echo(text)
    broken = [check for each in shown.values() for check in each.section.checks if not check.holds]
    for check in broken:
        typer.echo(f"{check.what}: {check.seen}, must be {check.wanted}", err=True)
    sys.exit(1 if broken else 0)


def _measure(wanted: list[str], rounds: int, commit: str, record: Record | None) -> dict[str, Measurement]:
    found: dict[str, Measurement] = {}
    with contextlib.ExitStack() as end, tempfile.TemporaryDirectory(prefix="stash-admission-proof-") as folder:
        broom = sweep_after_us(Path(folder))
        end.callback(broom.communicate)
        telling = end.enter_context(Telling())
        stage = Stage(Path(folder), end.enter_context(Background()), telling, rounds, end)
        for name in sorted(wanted, key=lambda each: each not in _FIRST):
            telling.begin(name)
            began, effort = time.monotonic(), machine.Effort.now()
            finished = True
            try:
                section = PARTS[name](stage)
            except Exception as error:  # noqa: BLE001 -- the other measurements count, and the page says what went wrong
                finished = False
                section = Section(name.capitalize(), "This measurement could not be finished.")
                section.checks.append(Check(f"{name} is measured", f"{type(error).__name__}: {error}", "so", False))
            seconds, now = time.monotonic() - began, machine.Effort.now()
            others = now.others(effort) if effort and now else "unknown"
            found[name] = Measurement(section, commit, datetime.datetime.now(datetime.UTC), seconds / 60, others)
            if record and finished:
                record.keep(name, found[name])
            verdict = "holds" if section.holds else "DOES NOT HOLD"
            telling.say(f"{name}: {verdict} ({seconds:.0f} s)")
    return found


def _allow_files() -> None:
    """Thousands of connections need more open files than the usual 1024, here and in the servers that we start."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    most = _FILES if hard == resource.RLIM_INFINITY else min(_FILES, hard)
    if soft != resource.RLIM_INFINITY and soft < most:
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))


def _fail(message: str) -> NoReturn:
    typer.echo(f"Error: {message}", err=True)
    sys.exit(2)


if __name__ == "__main__":
    typer.run(main)
