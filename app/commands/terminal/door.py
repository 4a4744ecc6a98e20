"""The one door to standard output and standard error: what files, names or the cluster hold is text, never a command.

A terminal takes what follows ESC for a command, and a runner of GitHub or Azure the lines that begin with `::`, or hold
`##[` or `##vso[`: https://github.com/actions/runner/blob/main/src/Runner.Common/ActionCommand.cs.
"""

import re
import unicodedata
from collections.abc import Iterable

from rich.console import Console, ConsoleOptions, RenderableType
from rich.segment import Segment
from rich.text import Text

_MARK = re.compile(r"##(?=\[|vso\[)")
_START = re.compile(r"^(\s*):(?=:)", re.MULTILINE)


def escaped(text: str) -> str:
    """The text, which may have several lines, as a terminal and a runner show it and do nothing else."""
    shown = "".join(each if _is_harmless(each) else each.encode("unicode_escape").decode() for each in text)
    return _START.sub(r"\1\\x3a", _MARK.sub(r"#\\x23", shown))


def _is_harmless(character: str) -> bool:
    return character.isprintable() or character in "\n\t" or unicodedata.category(character) == "Zs"


def one_line(text: str) -> str:
    """The text in one line, escaped as all others."""
    return escaped(text.replace("\n", "\\n"))


def data(text: str) -> str:
    """JSON as any reader of JSON has it, in which a runner finds no command: there `##` stands in texts only."""
    return _MARK.sub(r"#\\u0023", text)


def markup(text: str) -> str:
    """XML in the same way."""
    return _MARK.sub("#&#35;", text)


class Door(Console):
    """A console that escapes whatever is printed on it."""

    def render(self, renderable: RenderableType, options: ConsoleOptions | None = None) -> Iterable[Segment]:
        """As rich has it: all that is printed comes through here, whatever it is made of."""
        for segment in super().render(renderable, options):
            if segment.control or _is_plain(segment.text):
                yield segment
            else:
                yield Segment(escaped(segment.text), segment.style)

    def say(self, text: str, style: str | None = None) -> None:
        """One line, never wrapped: what is searched or copied has to stay whole."""
        if self.is_terminal:
            self.print(Text(one_line(text), style or ""), soft_wrap=True)
        else:
            self.file.write(f"{one_line(text)}\n")
            self.file.flush()  # what is written to another stream comes after it


def _is_plain(text: str) -> bool:
    return text.removesuffix("\n").isprintable() and "##" not in text and not text.lstrip().startswith("::")
