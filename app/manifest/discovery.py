"""The files that paths on a command line mean."""

import stat
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from app.manifest.regular_file import NOT_REGULAR

STANDARD_INPUT = "-"
ENDINGS = (".yaml", ".yml", ".json")
"""Of the files that are read in a directory, as kubectl has it; a file that is named itself may have any."""


_Identity = tuple[int, int]
"""A directory whatever its name: device and number."""


@dataclass(frozen=True, slots=True)
class Unreadable:
    """Something that cannot be read, and why; in a text also where, line and column counted from 1."""

    file: str
    message: str
    line: int | None = None
    column: int | None = None

    def __str__(self) -> str:
        """For people: `a.yaml:3:1: not YAML: …`."""
        place = "" if self.line is None else f":{self.line}:{self.column}"
        return f"{self.file}{place}: {self.message}"


def shown(path: Path) -> str:
    """A path for messages: names may have bytes that are no text."""
    return str(path).encode("utf-8", "surrogateescape").decode("utf-8", "replace")


def files(paths: Iterable[Path]) -> Iterator[Path | Unreadable]:
    """Every file, each once: those that are named, and in directories all of ENDINGS, sorted.

    Directories whose names begin with a dot are left out. Links are followed, each directory is read once; a link that
    leads to a directory around itself is told.
    """
    seen: set[Path] = set()
    read: set[_Identity] = set()
    for path in paths:
        if str(path) == STANDARD_INPUT:
            found: Iterable[Path | Unreadable] = [path]
        else:
            try:
                found = _below(path, (), read) if path.is_dir() else [path]
            except OSError as error:
                found = [_unreadable(path, error)]
        for each in found:
            if isinstance(each, Unreadable):
                yield each
            elif (name := each if str(each) == STANDARD_INPUT else each.absolute()) not in seen:
                seen.add(name)
                yield each


def _below(directory: Path, above: tuple[_Identity, ...], read: set[_Identity]) -> Iterator[Path | Unreadable]:
    """The files in a directory. `above`: the directories that it is in; `read`: all that were read."""
    try:
        about = directory.stat()
        itself = (about.st_dev, about.st_ino)
        if itself in above:
            yield Unreadable(shown(directory), "a link to one of its own parent directories: remove it")
            return
        if itself in read:
            return
        read.add(itself)
        entries = sorted(directory.iterdir())
    except OSError as error:
        yield _unreadable(directory, error)
        return
    for each in entries:
        try:
            mode = each.stat().st_mode
        except OSError as error:
            if each.suffix in ENDINGS:
                yield _unreadable(each, error)
            continue
        if stat.S_ISDIR(mode):
            if not each.name.startswith("."):
                yield from _below(each, (*above, itself), read)
        elif each.suffix in ENDINGS:
            yield each if stat.S_ISREG(mode) else Unreadable(shown(each), NOT_REGULAR)


def _unreadable(path: Path, error: OSError) -> Unreadable:
    return Unreadable(shown(path), error.strerror or str(error))
