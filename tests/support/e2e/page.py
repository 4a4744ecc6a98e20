"""The commands of a page in `docs/`, as its reader would run them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

DOCS = Path(__file__).parents[3] / "docs"
_BLOCK = re.compile(r"^( *)```(console|sh)\n(.*?)^\1```$", re.MULTILINE | re.DOTALL)
_HEADING = re.compile(r"^#{2,} (.*)$", re.MULTILINE)
_PROMPTED = re.compile(r"^\$ ((?:.*\\\n)*.*)\n((?:(?!\$ ).*\n)*)", re.MULTILINE)
"""A command, whose lines a backslash continues, and the lines up to the next prompt."""


@dataclass(frozen=True)
class Command:
    """A command, and what the page says that it prints."""

    text: str
    output: str = ""


def commands(page: str, heading: str) -> list[Command]:
    """The commands under a heading, up to the next heading of any level. AssertionError if there are none.

    In a block `console` what follows a prompt `$` is a command and the rest is output; a block `sh` is one command.
    """
    found = list(_commands(_section((DOCS / page).read_text(), heading)))
    assert found, f"{page} has no commands under {heading!r}"
    return found


def _section(text: str, heading: str) -> str:
    headings = list(_HEADING.finditer(text))
    (index,) = [number for number, each in enumerate(headings) if each[1] == heading]
    following = headings[index + 1 :]
    return text[headings[index].end() : following[0].start() if following else None]


def _commands(section: str) -> Iterator[Command]:
    for indent, language, indented in _BLOCK.findall(section):
        block = re.sub(f"^{indent}", "", indented, flags=re.MULTILINE)
        if language == "sh":
            yield Command(block)
        else:
            yield from (Command(text, output) for text, output in _PROMPTED.findall(block))
