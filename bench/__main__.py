"""`make bench` and `make bench-check`: measure, write the page, or compare with the ratios that are stored."""

from __future__ import annotations

import contextlib
import datetime
import resource
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Annotated, NoReturn

import typer

from bench import (
    cluster,
    costs,
    creates,
    files,
    memory,
    noise,
    page,
    plots,
    profile,
    ratios,
    start,
    throughput,
    versions,
)
from bench.cores import TooFewCores, load_core
from bench.peers.build import CannotBuild, build
from bench.result import Figures, Section
from bench.setting import CHECK, QUICK, WHOLE, Scale, Setting
from proof import machine
from proof.progress import Telling
from proof.stage import issue
from testbed.child import sweep_after_us
from testbed.control_plane import binaries
from testbed.control_plane.gobuild import MissingBinariesError

PAGE = machine.ROOT / "docs" / "benchmarks.md"
PICTURES = machine.ROOT / "docs" / "benchmarks"
PARTS: dict[str, Callable[[Setting], Section]] = {
    "throughput": throughput.measure,
    "creates": creates.measure,
    "rules": costs.rules,
    "members": costs.members,
    "inventory": costs.inventory,
    "cluster": cluster.measure,
    "start": start.measure,
    "memory": memory.measure,
    "files": files.measure,
    "profile": profile.measure,
}
"""In the order of the page, and of the run."""
COMPARED = ("throughput", "creates", "inventory", "start", "memory")
"""What `--check` measures: the parts that targets are about."""
_NEED_CLUSTER = {"creates", "cluster"}
_FILES = 8192


def main(
    only: Annotated[str, typer.Option(metavar="PARTS", help=f"Some of {', '.join(PARTS)}: printed, not stored.")] = "",
    rounds: Annotated[int | None, typer.Option(min=1, max=100, help="Rounds (5).")] = None,
    seconds: Annotated[float | None, typer.Option(min=0.05, max=60, help="Seconds of a slice (0.6).")] = None,
    quick: Annotated[
        bool, typer.Option("--quick", help="Try every part in some minutes; the figures mean nothing.")
    ] = False,
    check: Annotated[
        bool, typer.Option("--check", help="Measure less, and compare the ratios with those that are stored.")
    ] = False,
    before: Annotated[
        Path | None,
        typer.Option(
            metavar="CHECKOUT",
            help="Profile the server of another checkout, and keep that as what was before.",
            file_okay=False,
        ),
    ] = None,
) -> None:
    """Measure how fast the server is beside others, and write docs/benchmarks.md.

    Exit codes: 0 measured (targets that are missed are named), or with --check nothing got worse; 1 something got
    worse, or could not be measured; 2 usage or something missing; 130 interrupted.
    """
    wanted = only.split(",") if only else list(COMPARED if check else PARTS)
    if unknown := set(wanted) - set(PARTS):
        _fail(f"--only: there is no {', '.join(sorted(unknown))!r}; there are {', '.join(PARTS)}")
    wanted = [each for each in PARTS if each in wanted]
    scale = QUICK if quick else CHECK if check else WHOLE
    scale = replace(scale, rounds=rounds or scale.rounds, seconds=seconds or scale.seconds)
    is_enough = scale.rounds >= WHOLE.rounds and scale.seconds >= WHOLE.seconds
    is_whole = wanted == list(PARTS) and is_enough and not quick and not check
    stored = _stored() if check else {}
    programs = _prepare(wanted)
    began, around, commit = time.monotonic(), noise.Noise(), versions.commit()
    try:
        with _stage(scale, programs) as setting:
            if before is not None:
                return _keep(setting, before)
            sections, faults = _measure(wanted, setting)
            figures: Figures = {name: each for section in sections for name, each in section.figures.items()}
            if check and not faults:
                faults += _again(figures, stored, setting)
    except KeyboardInterrupt:
        typer.echo("interrupted: all processes are ended, nothing is written", err=True)
        sys.exit(130)
    minutes = f"{(time.monotonic() - began) / 60:.1f}"
    facts = [
        ("commit", commit),
        *versions.facts(setting.programs, setting.binaries),
        *around.facts(),
        ("minutes in all", minutes),
    ]
    seen, by_cpu = ratios.values(figures), ratios.values_by_cpu(figures)
    if check:
        faults += _compared(seen, stored)
    elif is_whole and not faults:
        _write(sections, seen, by_cpu, facts)
    else:
        typer.echo(page.render(sections, seen, by_cpu, facts, datetime.datetime.now(datetime.UTC), whole=False))
    for line in ratios.missed(seen):
        typer.echo(f"target missed: {line}", err=True)
    for fault in faults:
        typer.echo(machine.without_paths(fault), err=True)
    sys.exit(1 if faults else 0)


def _prepare(wanted: list[str]) -> Mapping[str, Path]:
    """Build the programs, which may take minutes and says so, and see that the rest is there."""
    try:
        load_core()
        programs = build()
        if _NEED_CLUSTER & set(wanted):
            binaries.find_or_build()
    except (TooFewCores, CannotBuild, MissingBinariesError) as missing:
        _fail(str(missing))
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    most = _FILES if hard == resource.RLIM_INFINITY else min(_FILES, hard)
    if soft != resource.RLIM_INFINITY and soft < most:
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    return programs


@contextlib.contextmanager
def _stage(scale: Scale, programs: Mapping[str, Path]) -> Iterator[Setting]:
    with contextlib.ExitStack() as end, tempfile.TemporaryDirectory(prefix="stash-admission-bench-") as folder:
        broom = sweep_after_us(Path(folder))
        end.callback(broom.communicate)
        telling = end.enter_context(Telling())
        certificates, _ = issue(Path(folder))
        yield Setting(Path(folder), telling, scale, programs, certificates)


def _measure(wanted: list[str], setting: Setting) -> tuple[list[Section], list[str]]:
    sections, faults = [], []
    for name in wanted:
        setting.telling.begin(name)
        began = time.monotonic()
        try:
            sections.append(PARTS[name](setting))
            setting.telling.say(f"{name}: measured ({time.monotonic() - began:.0f} s)")
        except Exception as error:  # noqa: BLE001 -- the other parts are still worth seeing, and the run fails
            faults.append(f"{name} could not be measured: {_words(error)}")
            setting.telling.say(f"{name}: NOT MEASURED ({time.monotonic() - began:.0f} s)")
    return sections, faults


def _again(figures: Figures, stored: dict[str, float], setting: Setting) -> list[str]:
    """Measure once more what seems to be worse, and let both count: a few rounds beside other programs say little."""
    doubtful = {target.part for target in ratios.worsened(ratios.values(figures), stored)}
    folder = setting.folder / "again"
    folder.mkdir()
    sections, faults = _measure([each for each in PARTS if each in doubtful], replace(setting, folder=folder))
    for name, each in (item for section in sections for item in section.figures.items()):
        figures[name] = [*figures.get(name, ()), *each]
    return faults


def _words(error: BaseException) -> str:
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return f"{type(error).__name__}: {error}"


def _write(
    sections: list[Section], seen: dict[str, float], by_cpu: dict[str, float], facts: list[tuple[str, str]]
) -> None:
    PICTURES.mkdir(exist_ok=True)
    for picture in (picture for section in sections for picture in section.pictures):
        plots.draw(picture, PICTURES)
    text = page.render(sections, seen, by_cpu, facts, datetime.datetime.now(datetime.UTC), whole=True)
    PAGE.write_text(machine.without_paths(text))
    ratios.store(seen, facts)
    typer.echo(f"{PAGE.relative_to(machine.ROOT)} written", err=True)


def _stored() -> dict[str, float]:
    try:
        return ratios.stored()
    except ratios.NoRatios as none:
        _fail(str(none))


def _compared(seen: dict[str, float], stored: dict[str, float]) -> list[str]:
    worse = list(ratios.worsened(seen, stored).values())
    compared = len(seen.keys() & stored.keys())
    typer.echo(
        f"{compared} ratios compared, medians of few rounds; {len(worse)} worse by more than {ratios.TOLERANCE:.0%}"
    )
    return worse


def _keep(setting: Setting, checkout: Path) -> None:
    setting.source = checkout.resolve()
    setting.telling.begin("profile")
    try:
        found = profile.profiles(setting)
    except profile.NoProfile as none:
        _fail(str(none))
    profile.keep(versions.commit(checkout), found)
    typer.echo(f"{profile.BEFORE.relative_to(machine.ROOT)} written", err=True)


def _fail(message: str) -> NoReturn:
    typer.echo(f"Error: {message}", err=True)
    sys.exit(2)


if __name__ == "__main__":
    typer.run(main)
