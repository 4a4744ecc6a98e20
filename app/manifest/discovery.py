"""The files that paths on a command line mean."""

import errno
import os
import stat
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from app.manifest.exclusions import GITIGNORE, Exclusions, Ignored, ignored_in

STANDARD_INPUT = "-"
ENDINGS = (".yaml", ".yml", ".json")
"""Of the files that are read in a directory, as kubectl has it; a file that is named itself may have any."""


_Identity = tuple[int, int]
"""A directory whatever its name: device and number."""
_LEADS_NOWHERE = (errno.ENOENT, errno.ELOOP, errno.ENOTDIR)


@dataclass(frozen=True, slots=True)
class Remark:
    """Something said of a file; in a text also where, line and column counted from 1."""

    file: str
    message: str
    line: int | None = None
    column: int | None = None

    def __str__(self) -> str:
        """For people: `a.yaml:3:1: not YAML: …`."""
        place = "" if self.line is None else f":{self.line}:{self.column}"
        return f"{self.file}{place}: {self.message}"


class Unreadable(Remark):
    """Something that cannot be read, and why."""


class Skipped(Remark):
    """An object that was asked for and is not looked at, why, and what to do."""


@dataclass(frozen=True, slots=True)
class OtherFile:
    """A file that cannot hold what was asked for: nothing else is known about it."""

    file: str


def shown(path: Path | str) -> str:
    """A path for messages: names may have bytes that are no text."""
    name = str(path)
    return name if name.isascii() else name.encode("utf-8", "surrogateescape").decode("utf-8", "replace")


def files(paths: Sequence[Path], but: Exclusions | None = None) -> Iterator[str | Unreadable | OtherFile]:
    """The name of every file, each once: of those that are named, and in directories of all with ENDINGS, sorted.

    Directories whose names begin with a dot are left out, and so is what `but` says. Links are followed, and each
    directory is read once. In a directory, what is no file at all, as a link to nowhere, is an OtherFile.
    """
    but = but or Exclusions()
    seen: set[str] = set()
    here = _here()
    read: set[_Identity] = set()
    for path in paths:
        found: Iterable[str | Unreadable | OtherFile] = ()
        if str(path) == STANDARD_INPUT:
            found = [STANDARD_INPUT]
        elif not but.leave_out(path):
            try:
                found = _below(path, read, but) if path.is_dir() else [str(path)]
            except OSError as error:
                found = [_unreadable(path, error)]
        if len(paths) == 1:
            yield from found
            return
        for each in found:
            if not isinstance(each, str):
                yield each
            elif (name := os.path.join(here, each)) not in seen:  # noqa: PTH118
                seen.add(name)
                yield each


def _here() -> str:
    """The working directory; empty where it was deleted, so that no relative path leads anywhere."""
    try:
        return os.getcwd()  # noqa: PTH109  a path for each of very many files takes its time
    except OSError:
        return ""


_Entry = tuple[str, Ignored | None, bool]
"""What is in a directory, what Git ignores there, and whether it is known to be a file."""


def _below(root: Path, read: set[_Identity], but: Exclusions) -> Iterator[str | Unreadable | OtherFile]:
    """The files in a directory and below. `read`: all directories that were read.

    Directories may be nested deeper than Python calls functions.
    """
    top = str(root)
    waiting = [iter([(top, ignored_in(root) if but.gitignore else None, False)])]
    while waiting:
        each, ignored, is_file = next(waiting[-1], (None, None, False))
        if each is None:
            waiting.pop()
        elif is_file:
            yield each
        else:
            try:
                about = os.stat(each)  # noqa: PTH116
                if not stat.S_ISDIR(about.st_mode):
                    if _is_read(each):
                        yield each if stat.S_ISREG(about.st_mode) else OtherFile(shown(each))
                elif (about.st_dev, about.st_ino) not in read and (each == top or not _name(each).startswith(".")):
                    read.add((about.st_dev, about.st_ino))
                    waiting.append(iter(_entries(each, root, ignored, but)))
            except OSError as error:
                if error.errno not in _LEADS_NOWHERE:
                    yield _unreadable(each, error)
                elif _is_read(each):
                    yield OtherFile(shown(each))


def _entries(directory: str, root: Path, ignored: Ignored | None, but: Exclusions) -> list[_Entry]:
    """What in a directory may be a file that is read, or hold one. Raises OSError.

    There may be very many, so that what most of them need not is not made for them, such as a Path.
    """
    with os.scandir(directory) as found:
        names = sorted((each.name, _kind(each)) for each in found)
    if ignored is not None and directory != str(root) and any(name == GITIGNORE for name, _ in names):
        ignored = Ignored(Path(directory).absolute(), ignored)
    before = "" if directory == "." else os.path.join(directory, "")  # noqa: PTH118
    all_read = ignored is None and not but.given
    entries = []
    for name, kind in names:
        if kind != "directory" and not (name.endswith(ENDINGS) or kind == "link"):
            continue
        path = before + name
        if all_read or not _left_out(Path(path), root, ignored, but, is_directory=kind == "directory"):
            entries.append((path, ignored, kind == "file" and name not in ENDINGS))
    return entries


def _left_out(path: Path, root: Path, ignored: Ignored | None, but: Exclusions, *, is_directory: bool) -> bool:
    if but.leave_out(path, root, directory=is_directory):
        return True
    return ignored is not None and ignored.leaves_out(path.absolute(), directory=is_directory)


def _kind(entry: "os.DirEntry[str]") -> str:
    if entry.is_file(follow_symlinks=False):
        return "file"
    if entry.is_symlink():
        return "link"
    return "directory" if entry.is_dir(follow_symlinks=False) else "other"


def _is_read(path: str) -> bool:
    """Whether a file in a directory is read; a name that is nothing but an ending has none."""
    return path.endswith(ENDINGS) and _name(path) not in ENDINGS


def _name(path: str) -> str:
    return path.rpartition(os.sep)[2]


def _unreadable(path: Path | str, error: OSError) -> Unreadable:
    return Unreadable(shown(path), error.strerror or str(error))
