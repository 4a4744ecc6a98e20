"""The command `fix`: each file read, rewritten and saved, or shown as a difference."""

import difflib
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

from rich.console import Console

from app.admission import Admission
from app.domain.quoting import printable
from app.files.texts import read
from app.files.walking import STANDARD_INPUT, Unreadable, files
from app.fix.fixing import Fixed, fix
from app.fix.saving import CannotSave, save

_STYLES = {"+": "green", "-": "red", "@": "cyan"}


def run(paths: Iterable[Path], console: Console, *, diff: bool, aliases: bool) -> int:
    """Fix the files. Returns the exit code: 0, or 1 if something is left to do, 2 if something cannot be read."""
    admission = Admission()
    unreadable, left, written, count = 0, 0, 0, 0
    for path in files(paths):
        text = path if isinstance(path, Unreadable) else read(path)
        if isinstance(text, Unreadable):
            unreadable += _complain(text)
            continue
        assert isinstance(path, Path)  # noqa: S101  what was read was a path
        fixed = fix(text, admission, aliases=aliases)
        count += 1
        unreadable += sum(map(_complain, fixed.unreadable))
        left += sum(map(_complain, fixed.left))
        if diff:
            _show(fixed, console)
        elif str(path) == STANDARD_INPUT:
            sys.stdout.buffer.write(fixed.after.encode(text.encoding))
        elif fixed.changed:
            try:
                save(path, text, fixed.after)
            except CannotSave as error:
                unreadable += _complain(Unreadable(text.file, f"cannot be written: {error}"))
                continue
            for each in fixed.written:
                line = f"{printable(text.file)}:{each.line}: {each.object}: {each.change} ({each.rule})"
                console.print(line, soft_wrap=True, highlight=False, markup=False)
        written += fixed.changed
    done = "would be changed" if diff else "changed"
    said = f"{written} of {count} files {done}" + (f", {left} objects left alone" if left else "")
    sys.stderr.write(f"{said}\n")
    if unreadable:
        return 2
    return int(left > 0 or (diff and written > 0))


def _show(fixed: Fixed, console: Console) -> None:
    for line in difference(fixed):
        style = _STYLES.get(line[:1]) if console.is_terminal else None
        console.print(line, style=style, soft_wrap=True, highlight=False, markup=False)


def difference(fixed: Fixed) -> Iterator[str]:
    """The file's change as a unified diff."""
    before, after = fixed.before.text.splitlines(), fixed.after.splitlines()
    yield from difflib.unified_diff(before, after, fixed.before.file, fixed.before.file, lineterm="")


def _complain(wrong: Unreadable) -> int:
    sys.stderr.write(f"Error: {printable(str(wrong))}\n")
    return 1
