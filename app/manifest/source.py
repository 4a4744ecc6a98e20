"""The text of a file, and where in it something is."""

import codecs
import re
import sys
from bisect import bisect_right
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

from app.manifest.discovery import STANDARD_INPUT, OtherFile, Unreadable, shown
from app.manifest.regular_file import beginning, opened
from app.manifest.wanted import BYTE_ORDER_MARKS, Wanted, names_group

MAX_FILE_BYTES = 32 * 1024 * 1024
"""Bytes of a file that is read."""
MAX_SEARCHED_BYTES = 1024 * 1024 * 1024
"""Bytes of a file that is not read, but looked through for the name of the group."""
_PIECE_BYTES, _OVERLAP_BYTES = 1024 * 1024, 1024
"""What is looked through at a time, and how much of it once more with the next, as a name may be cut."""
_BREAK = re.compile(r"(?:\r\n|\r|\n)\ufeff?")


@dataclass(frozen=True)
class Text:
    """What a file holds. `file` is its name for messages, `encoding` the one that it is written in."""

    file: str
    text: str
    encoding: str = "utf-8"
    names_group: bool = True
    """Whether the group is named in it: what cannot be read there is told."""
    patched: str | None = None
    """The directory of the kustomization that names it as a patch."""

    @cached_property
    def _lines(self) -> list[int]:
        """Where each line begins, behind a byte order mark. A line ends as editors have it: LF, CR LF or CR."""
        start = 1 if self.text.startswith("\ufeff") else 0
        return [start, *(match.end() for match in _BREAK.finditer(self.text))]

    def place(self, offset: int) -> tuple[int, int]:
        """Line and column of a character. Both count from 1; a column is a character, be it a tab or a wide one."""
        line = bisect_right(
            self._lines, offset + self.text.startswith("\ufeff", offset)
        )  # a mark belongs to what follows
        return max(line, 1), max(offset - self._lines[max(line, 1) - 1], 0) + 1

    def line(self, number: int) -> str:
        """A line by its number, without its end."""
        start = self._lines[number - 1]
        end = self._lines[number] if number < len(self._lines) else len(self.text)
        # Whoever holds many places of one line, as of JSON, is not to hold as many copies of it.
        found = self._cut.get(start)
        if found is None:
            found = self._cut[start] = self.text[start:end].rstrip("\r\n\ufeff")
        return found

    @cached_property
    def _cut(self) -> dict[int, str]:
        return {}


def read(path: Path) -> Text | Unreadable:
    """The file's text, or that of standard input for `-`. A file is UTF-8, or UTF-16 if its first bytes say so."""
    name = shown(path)
    content = _content(str(path))
    if not isinstance(content, bytes):
        return content
    if len(content) > MAX_FILE_BYTES:
        return _too_large(name)
    return _decoded(name, content)


def read_if(wanted: Wanted, file: str) -> Text | Unreadable | OtherFile:
    """The same of a file that may hold what is wanted: any other is an OtherFile, be it readable or not."""
    name = shown(file)
    content = _content(file)
    if not isinstance(content, bytes):
        return content
    if len(content) > MAX_FILE_BYTES:
        return _too_large(name) if names_group(content) else _looked_through(file)
    if not wanted.may_be_in(content):
        return OtherFile(name)
    names = names_group(content)
    text = _decoded(name, content)
    if isinstance(text, Unreadable):
        return text if names else OtherFile(name)
    return replace(text, names_group=names)


def _content(file: str) -> bytes | Unreadable:
    """All bytes, or more than MAX_FILE_BYTES."""
    try:
        if file == STANDARD_INPUT:
            return sys.stdin.buffer.read(MAX_FILE_BYTES + 1)
        return beginning(file, MAX_FILE_BYTES + 1)
    except OSError as error:
        return Unreadable(shown(file), error.strerror or str(error))


def _looked_through(path: str) -> Unreadable | OtherFile:
    """What a file is that is too large to be read. It is held piece by piece."""
    name = shown(path)
    if path == STANDARD_INPUT:
        return _too_large(name)
    try:
        with opened(Path(path)) as file:
            before = b""
            while piece := file.read(_PIECE_BYTES):
                if names_group(before + piece):
                    return _too_large(name)
                before = piece[-_OVERLAP_BYTES:]
                if file.tell() > MAX_SEARCHED_BYTES:
                    return Unreadable(name, f"larger than {MAX_SEARCHED_BYTES >> 30} GiB: leave it out with --exclude")
    except OSError as error:
        return Unreadable(name, error.strerror or str(error))
    return OtherFile(name)


def _too_large(name: str) -> Unreadable:
    return Unreadable(name, f"larger than {MAX_FILE_BYTES >> 20} MiB: split it, or leave it out with --exclude")


def _decoded(name: str, content: bytes) -> Text | Unreadable:
    encoding = BYTE_ORDER_MARKS.get(content[:2], "utf-8")
    if content.startswith(codecs.BOM_UTF32_LE) or (encoding == "utf-8" and b"\0" in content):
        return Unreadable(name, "a binary file, not YAML: text must be UTF-8, or UTF-16 with a byte order mark")
    try:
        return Text(name, content.decode(encoding), encoding)
    except UnicodeDecodeError as error:
        before = Text(name, content[: error.start].decode(encoding, "replace"))
        return Unreadable(
            name, f"not {encoding.upper()}: byte {error.object[error.start]:#04x}", *before.place(len(before.text))
        )
