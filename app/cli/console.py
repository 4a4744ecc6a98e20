"""What the commands share: how they end with an error, where they print, which options several have."""

import sys
import time
from collections.abc import Callable, Iterable
from datetime import UTC, datetime, tzinfo
from pathlib import Path
from typing import Annotated, Any, NoReturn, TypeVar

import typer

Step = TypeVar("Step")
PROGRESS_AFTER_SECONDS = 1.0
"""Seconds of work after which somebody at a terminal is told how far it is."""


def fail(message: str) -> NoReturn:
    """End with exit code 2 and a message on standard error."""
    tell(f"Error: {message}", lines=True)
    raise typer.Exit(2)


def tell(message: str, *, lines: bool = False) -> None:
    """A line on standard error; with `lines` one that we wrote may be several."""
    from app.commands.terminal.door import escaped, one_line

    typer.echo(escaped(message) if lines else one_line(message), err=True)


def read(file: Path | None) -> bytes:
    """The content of a file; of standard input where it is None or `-`. Ends with exit code 2 if it cannot be read."""
    from app.manifest.regular_file import content

    if file is None or str(file) == "-":
        return sys.stdin.buffer.read()
    try:
        return content(file)
    except OSError as error:
        fail(f"cannot read {file}: {error.strerror}")


def console() -> Any:
    """Standard output; as wide as lines get where it is no terminal."""
    from app.commands.terminal.door import Door

    terminal = Door(soft_wrap=False)
    return terminal if terminal.is_terminal else Door(width=200)


def watched(steps: Iterable[Step], said: Callable[[Step], str]) -> Step:
    """The last of the steps. Work that takes longer than a second says on a terminal how far it is."""
    started, status, last = time.monotonic(), None, None
    someone_looks = sys.stderr.isatty()
    try:
        for last in steps:
            if someone_looks and status is None and time.monotonic() - started > PROGRESS_AFTER_SECONDS:
                from app.commands.terminal.door import Door

                status = Door(stderr=True).status("")
                status.start()
            if status is not None:
                status.update(said(last))
    finally:
        if status is not None:
            status.stop()
    assert last is not None  # noqa: S101  whoever is watched says at least once how it goes
    return last


def rule_ids(incomplete: str) -> list[str]:
    """The rules whose ids begin so, for the shell's completion."""
    from app.rules.registry import RULES

    return [each for each in RULES if each.startswith(incomplete)]


def rule_levels(incomplete: str) -> list[str]:
    """The settings of rules that begin so, for the shell's completion."""
    from app.rules.registry import RULES

    settings = (f"{rule.id}={level}" for rule in RULES.values() for level in rule.settable)
    return [each for each in settings if each.startswith(incomplete)]


def levels(rule: list[str] | None, config: Path | None) -> Any:
    """The levels that flags, variables and a file choose. Ends with exit code 2 if there is something wrong."""
    flags, configuration = chosen(rule, config)
    return configuration.under(flags)


def chosen(rule: list[str] | None, config: Path | None) -> Any:
    """What flags or variables choose, and what the file does. Ends with exit code 2 if there is something wrong."""
    from app.admission.levels import Configuration
    from app.admission.levels_file import BadConfiguration, read
    from app.settings import BadSetting, load

    try:
        settings = load(rule=tuple(rule) if rule else None, config=config)
        return settings.levels, Configuration() if settings.config is None else read(settings.config)
    except (BadConfiguration, BadSetting) as error:
        fail(str(error))


Config = Annotated[
    Path | None,
    typer.Option(metavar="PATH", help="File with rule levels, or a directory with a config.yaml."),
]
Rules = Annotated[
    list[str] | None,
    typer.Option(
        "--rule",
        metavar="ID=LEVEL",
        help="Level of a rule: enforce, warn or off. Repeatable.",
        autocompletion=rule_levels,
    ),
]


def moment(option: str, text: str | None) -> datetime:
    """The time that an option names; now without it. Ends with exit code 2 if it is none."""
    if text is None:
        return datetime.now(UTC)
    from app.domain.cron import YEARS

    try:
        found = datetime.fromisoformat(text)
        found = (found if found.tzinfo is not None else found.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError):
        found = None
    if found is None or found.year not in YEARS:
        years = f"{YEARS[0]} to {YEARS[-1]}"
        fail(f"{option} {text}: write a time such as 2026-01-31T03:00:00Z, of the years {years}")
    return found


def zone(option: str, name: str) -> tzinfo:
    """The time zone that an option names. Ends with exit code 2 if there is none."""
    if name == "UTC":
        return UTC
    from zoneinfo import ZoneInfo

    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        fail(f"{option} {name}: there is no such time zone: write one such as Europe/Berlin")
