"""How far it is: one line that moves on a terminal, plain lines elsewhere."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from types import TracebackType
from typing import Self, TypeVar

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeElapsedColumn

Thing = TypeVar("Thing")
_EVERY = 15.0
"""Seconds between two plain lines about the same part."""


class Telling:
    """What is said while it runs, on standard error."""

    def __init__(self, console: Console | None = None) -> None:
        self.console = console or Console(stderr=True, highlight=False)
        columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.fields[at]}"), TimeElapsedColumn())
        self._progress = Progress(*columns, console=self.console, transient=True)
        self._task: TaskID | None = None
        self._part = ""
        self._said = 0.0

    def __enter__(self) -> Self:
        if self.console.is_terminal:
            self._progress.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._progress.stop()

    def begin(self, part: str) -> None:
        """Begin a part."""
        self._part, self._said = part, 0.0
        if self._task is not None:
            self._progress.remove_task(self._task)
        self._task = self._progress.add_task(part, total=None, at="")
        self.at("begins")

    def at(self, text: str, done: float | None = None, total: float | None = None) -> None:
        """Say where the part is."""
        if self._task is None:
            return
        self._progress.update(self._task, at=text, completed=done, total=total)
        if not self.console.is_terminal and time.monotonic() - self._said > _EVERY:
            self._said = time.monotonic()
            self.say(f"{self._part}: {text}")

    def each(self, things: Iterable[Thing], total: int, text: str) -> Iterator[Thing]:
        """Things one after the other, and how many there were of so many."""
        for number, thing in enumerate(things):
            self.at(f"{text}, {number:,} of {total:,}", number, total)
            yield thing

    def say(self, line: str) -> None:
        """A line that stays."""
        self.console.print(line, markup=False, soft_wrap=True)
