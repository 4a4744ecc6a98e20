"""A text that a terminal or the runner of a CI would take for commands, and that none of it is in what was written."""

import re

HOSTILE = "::error::x\x1b]0;owned\x07\x1b[31m\r::stop-commands::y\u202e##[error]z##vso[task.complete]"
_BIDI = re.compile("[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]")


def is_text(written: str, *, annotations: bool = False) -> None:
    """Fail if a text holds a command."""
    for character in written:
        assert character in "\n\t" or character.isprintable(), repr(character)
    assert not _BIDI.search(written)
    for line in written.split("\n"):
        if annotations and re.match(r"::(error|warning|notice) (file|title)=[^:]*::", line):
            continue
        assert not line.lstrip().startswith("::"), line
        assert "##[" not in line
        assert "##vso[" not in line
