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
from proof.section import Check, Section
from proof.stage import WHOLE, Stage
from testbed.child import sweep_after_us
from testbed.control_plane import binaries
from testbed.control_plane.gobuild import MissingBinariesError

PAGE = machine.ROOT / "docs" / "proof.md"
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
    only: Annotated[str, typer.Option(metavar="PARTS", help=f"Some of {','.join(PARTS)}.")] = ",".join(PARTS),
    rounds: Annotated[int, typer.Option(min=1, max=1000, help="Rolling restarts; the rest is scaled.")] = WHOLE,
    where: Annotated[
        Path | None, typer.Option("--page", help="File to write. A whole run writes docs/proof.md.")
    ] = None,
) -> None:
    """Measure what the server stands, and write it down.

    Exit codes: 0 all holds, 1 something does not, 2 usage or something missing, 130 interrupted.
    """
    wanted = [each for each in PARTS if each in only.split(",")]
    if unknown := set(only.split(",")) - set(PARTS):
        _fail(f"--only: there is no {', '.join(sorted(unknown))!r}; there are {', '.join(PARTS)}")
    if _NEED_BALANCER & set(wanted):
        try:
            balancer.program()
        except balancer.Missing as missing:
            _fail(str(missing))
    if _NEED_CLUSTER & set(wanted):
        try:
            binaries.find_or_build()  # which may take minutes, and says so
        except MissingBinariesError as missing:
            _fail(str(missing))
    whole = wanted == list(PARTS) and rounds >= WHOLE
    _allow_files()
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    began, effort, commit = time.monotonic(), machine.Effort.now(), machine.commit()
    try:
        sections, programs = _measure(wanted, rounds)
    except KeyboardInterrupt:
        typer.echo("interrupted: all processes are ended, nothing is written", err=True)
        sys.exit(130)
    facts = [("commit", commit), *machine.facts(programs)]
    facts.append(("minutes in all", f"{(time.monotonic() - began) / 60:.1f}"))
    if effort and (now := machine.Effort.now()):
        facts.append(("processors used by other programs", now.others(effort)))
    text = machine.without_paths(page.render(sections, facts, datetime.datetime.now(datetime.UTC), whole))
    if target := where or (PAGE if whole else None):
        target.write_text(text)
    else:
        typer.echo(text)
    broken = [check for section in sections for check in section.checks if not check.holds]
    for check in broken:
        typer.echo(f"{check.what}: {check.seen}, must be {check.wanted}", err=True)
    sys.exit(1 if broken else 0)


def _measure(wanted: list[str], rounds: int) -> tuple[list[Section], Path | None]:
    sections: dict[str, Section] = {}
    with contextlib.ExitStack() as end, tempfile.TemporaryDirectory(prefix="stash-admission-proof-") as folder:
        broom = sweep_after_us(Path(folder))
        end.callback(broom.communicate)
        telling = end.enter_context(Telling())
        stage = Stage(Path(folder), end.enter_context(Background()), telling, rounds, end)
        for name in sorted(wanted, key=lambda each: each not in _FIRST):
            telling.begin(name)
            began = time.monotonic()
            try:
                sections[name] = PARTS[name](stage)
            except Exception as error:  # noqa: BLE001 -- the other measurements count, and the page says what went wrong
                sections[name] = Section(name.capitalize(), "This measurement could not be finished.")
                sections[name].checks.append(
                    Check(f"{name} is measured", f"{type(error).__name__}: {error}", "so", False)
                )
            verdict = "holds" if sections[name].holds else "DOES NOT HOLD"
            telling.say(f"{name}: {verdict} ({time.monotonic() - began:.0f} s)")
        return [sections[name] for name in wanted], stage.binaries


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
