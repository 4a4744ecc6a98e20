"""The command `fix`: each file read, rewritten and saved, or shown as a difference."""

import difflib
import sys
from collections.abc import Iterable, Iterator, Set
from dataclasses import dataclass, field, replace
from pathlib import Path

from app.admission.engine import Admission
from app.commands.check.previous import Stored
from app.commands.fix.atomic_write import CannotSave, save
from app.commands.fix.fixer import Fixed, fix
from app.commands.terminal.door import Door
from app.manifest.discovery import STANDARD_INPUT, OtherFile, Skipped, Unreadable, files
from app.manifest.exclusions import Exclusions
from app.manifest.kustomization import Kustomizations
from app.manifest.source import Text, read, read_if
from app.manifest.wanted import STASH

RESTARTS = (
    "an alias that is new to a stored object changes its spec, so sidecars restart, and Stash's operator refuses it "
    "while the backup is Ready: --old PATH with what is stored leaves such objects alone"
)
_STYLES = {"+": "green", "-": "red", "@": "cyan"}


@dataclass
class Fixes:
    """What became of the files."""

    changed: list[Fixed] = field(default_factory=list)
    left: list[Unreadable] = field(default_factory=list)
    """Objects that were left alone."""
    unreadable: list[Unreadable] = field(default_factory=list)
    """What could not be read, or not be written."""
    skipped: list[Skipped] = field(default_factory=list)
    files: int = 0
    other_files: int = 0
    """Files that hold no objects of Stash."""

    @property
    def writes_aliases(self) -> bool:
        """Whether a backup gets an alias, which it may be stored without."""
        return any(
            each.rule == "default-alias" and each.object.startswith("Backup")
            for fixed in self.changed
            for each in fixed.written
        )

    def summary(self, *, diff: bool) -> str:
        """The last line: how much was done."""
        done = "would be changed" if diff else "changed"
        left = f", {_number(len(self.left), 'object')} left alone" if self.left else ""
        others = f"; {_number(self.other_files, 'file')} without Stash objects left out" if self.other_files else ""
        return f"{len(self.changed)} of {_number(self.files, 'file')} {done}{left}{others}"


def fixes(
    paths: Iterable[Path],
    but: Exclusions | None = None,
    *,
    diff: bool,
    aliases: bool,
    stored: Stored | None = None,
) -> Iterator[Fixes]:
    """Fix the files, whose objects are updates of those that are stored; with `diff`, write nothing.

    Yields the same result after each file; the last time it is complete.
    """
    admission, result = Admission(), Fixes()
    paths = list(paths)
    given = {path.resolve() for path in paths}
    if stored is not None:
        result.unreadable += stored.unreadable
        result.unreadable += [Unreadable(each.file, each.message, each.line, each.column) for each in stored.skipped]
    yield result
    if result.unreadable:
        return  # nobody knows what is stored
    found = list(files(paths, but))
    kustomizations = Kustomizations(each for each in found if isinstance(each, str))
    for name in found:
        text = _read(name) if isinstance(name, str) else name
        if isinstance(text, Unreadable):
            result.unreadable.append(text)
            continue
        if isinstance(text, OtherFile) or not isinstance(name, str):
            result.other_files += 1
            continue
        text = replace(text, patched=kustomizations.patching(name))
        path = Path(name)
        fixed = fix(text, admission, aliases=aliases, stored=stored)
        result.files += 1
        result.left += fixed.left
        result.unreadable += fixed.unreadable
        result.skipped += fixed.skipped
        if name == STANDARD_INPUT and not diff:
            sys.stdout.buffer.write(fixed.after.encode(text.encoding))
        elif fixed.changed and not _is_within(path, given):
            result.left += _left_outside(fixed)
            continue
        elif fixed.changed and not diff:
            try:
                save(path, text, fixed.after)
            except CannotSave as error:
                result.unreadable.append(Unreadable(text.file, f"cannot be written: {error}"))
                continue
        if fixed.changed:
            result.changed.append(fixed)
        yield result


def _read(name: str) -> Text | Unreadable | OtherFile:
    """A file that may hold objects of Stash. What comes in by standard input goes out again, whatever it is."""
    return read(Path(name)) if name == STANDARD_INPUT else read_if(STASH, name)


def _is_within(path: Path, given: Set[Path]) -> bool:
    """Whether a file is one of those that were given, or in one of the directories, wherever links lead."""
    real = path.resolve()
    return str(path) == STANDARD_INPUT or not given.isdisjoint((real, *real.parents))


def _left_outside(fixed: Fixed) -> Iterator[Unreadable]:
    """What would be written into a file that nobody named."""
    for line, name in dict.fromkeys((each.line, each.object) for each in fixed.written):
        why = "not written: a link leads to it, out of what was given: name the file or its directory itself"
        yield Unreadable(fixed.before.file, f"{name}: {why}", line, 1)


def show(result: Fixes, console: Door, *, diff: bool) -> None:
    """Print what was written, or as a difference what would be."""
    for fixed in result.changed:
        if diff:
            for line in difference(fixed):
                console.say(line, _STYLES.get(line[:1]))
        elif fixed.before.file != STANDARD_INPUT:
            for each in fixed.written:
                line = f"{fixed.before.file}:{each.line}: {each.object}: {each.change} ({each.rule})"
                console.say(line)


def difference(fixed: Fixed) -> Iterator[str]:
    """The file's change as a unified diff."""
    before, after = fixed.before.text.splitlines(), fixed.after.splitlines()
    yield from difflib.unified_diff(before, after, fixed.before.file, fixed.before.file, lineterm="")


def _number(count: int, noun: str) -> str:
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"
