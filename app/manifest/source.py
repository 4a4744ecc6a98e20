"""The text of a file, and where in it something is."""

import codecs
import re
import sys
from bisect import bisect_right
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from app.manifest.discovery import STANDARD_INPUT, Unreadable, shown
from app.manifest.regular_file import opened

MAX_FILE_BYTES = 32 * 1024 * 1024
"""Bytes of a file that is read."""
_BREAK = re.compile(r"(?:\r\n|\r|\n)\ufeff?")
_UTF_16 = {codecs.BOM_UTF16_LE: "utf-16-le", codecs.BOM_UTF16_BE: "utf-16-be"}


@dataclass(frozen=True)
class Text:
    """What a file holds. `file` is its name for messages, `encoding` the one that it is written in."""

    file: str
    text: str
    encoding: str = "utf-8"

    @cached_property
    def _lines(self) -> list[int]:
        """Where each line begins, behind a byte order mark. A line ends as editors have it: LF, CR LF or CR."""
        start = 1 if self.text.startswith("\ufeff") else 0
        return [start, *(match.end() for match in _BREAK.finditer(self.text))]

    def place(self, offset: int) -> tuple[int, int]:
        """Line and column of a character. Both count from 1; a column is a character, be it a tab or a wide one."""
        line = bisect_right(self._lines, offset)
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
    try:
        if str(path) == STANDARD_INPUT:
            content = sys.stdin.buffer.read(MAX_FILE_BYTES + 1)
        else:
            with opened(path) as file:
                content = file.read(MAX_FILE_BYTES + 1)
    except OSError as error:
        return Unreadable(name, error.strerror or str(error))
    if len(content) > MAX_FILE_BYTES:
        return Unreadable(name, f"larger than {MAX_FILE_BYTES >> 20} MiB: split it")
    encoding = _UTF_16.get(content[:2], "utf-8")
    if encoding == "utf-8" and b"\0" in content:
        return Unreadable(name, "a binary file, not YAML")
    try:
        return Text(name, content.decode(encoding), encoding)
    except UnicodeDecodeError as error:
        before = Text(name, content[: error.start].decode(encoding, "replace"))
        return Unreadable(
            name, f"not {encoding.upper()}: byte {error.object[error.start]:#04x}", *before.place(len(before.text))
        )
