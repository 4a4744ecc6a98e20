"""A progress bar for work that says how far it is."""

import sys
import time
from collections.abc import Iterable
from typing import Any

from app.cli.console import PROGRESS_AFTER_SECONDS


def progressed(steps: Iterable[Any]) -> None:
    """Do all the steps (`app.commands.cluster.snapshot.Step`).

    After a second of work, a bar on a terminal shows how far it is.
    """
    started, bar, task = time.monotonic(), None, None
    try:
        for step in steps:
            if bar is None and time.monotonic() - started > PROGRESS_AFTER_SECONDS and sys.stderr.isatty():
                bar = _bar()
                task = bar.add_task(step.doing, total=step.total)
                bar.start()
            if bar is not None:
                bar.update(task, description=step.doing, completed=step.done, total=step.total)
    finally:
        if bar is not None:
            bar.stop()


def _bar() -> Any:
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    from app.commands.terminal.door import Door

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    # Lines that are written meanwhile go above the bar, or where standard output goes.
    return Progress(*columns, console=Door(stderr=True), transient=True, redirect_stdout=sys.stdout.isatty())
