"""How a document is laid out: lines, indentation, comments. Offsets count characters from the start of the file."""

import re
from bisect import bisect_right
from dataclasses import dataclass
from functools import cached_property

from app.manifest.nodes import Alias, Mapping, Node, Scalar, Sequence

_BREAK = re.compile(r"\r\n|\r|\n")
_SPACES = re.compile(r" *")


@dataclass(frozen=True)
class Layout:
    """The text of a file, of which the document from `start` to `end` is looked at."""

    text: str
    start: int
    end: int

    @cached_property
    def newline(self) -> str:
        """How the document's lines end."""
        found = _BREAK.search(self.text, self.start, self.end)
        return found[0] if found else "\n"

    @cached_property
    def _lines(self) -> list[int]:
        """Where each line begins: to look for it anew would read the whole of a document without any breaks."""
        return [self.start, *(match.end() for match in _BREAK.finditer(self.text, self.start, self.end))]

    def line_start(self, offset: int) -> int:
        """Where the line of the offset begins."""
        return self._lines[bisect_right(self._lines, offset) - 1]

    def line_above(self, line: int) -> int:
        """Where the line before the one that begins there begins."""
        return self.line_start(line - 2 if self.text.startswith("\r\n", line - 2) else line - 1)

    def line_end(self, offset: int) -> int:
        """Where the line of the offset ends, its break not included."""
        end = self.next_line(offset)
        if self.text.endswith("\r\n", offset, end):
            return end - 2
        return end - 1 if self.text.endswith(("\n", "\r"), offset, end) else end

    def next_line(self, offset: int) -> int:
        """Where the line after that of the offset begins; the end of the document if there is none."""
        number = bisect_right(self._lines, offset)
        return self._lines[number] if number < len(self._lines) else self.end

    def column(self, offset: int) -> int:
        """How many characters stand before the offset in its line."""
        return offset - self.line_start(offset)

    def before(self, offset: int) -> str:
        """What stands before the offset in its line."""
        return self.text[self.line_start(offset) : offset]

    def alone(self, offset: int) -> bool:
        """Whether nothing but spaces stands before the offset in its line."""
        spaces = _SPACES.match(self.text, self.line_start(offset), offset)
        return spaces is not None and spaces.end() == offset

    def is_comment(self, line: int) -> bool:
        """Whether the line that begins there holds nothing but a comment."""
        return line < self.end and self.text[line : self.line_end(line)].lstrip(" \t").startswith("#")

    def indentation(self, line: int) -> int:
        """How many spaces the line that begins there begins with."""
        content = self.text[line : self.line_end(line)]
        return len(content) - len(content.lstrip(" "))

    def after(self, node: Node) -> int:
        """Where the line after a node in block style begins, a comment behind the node being part of its line."""
        if node.end > node.start and self.text[node.end - 1] in "\r\n":
            return node.end  # a block scalar ends where the next line begins
        return self.next_line(node.end)

    def comments_above(self, line: int, column: int) -> int:
        """Where the comment begins that stands directly above a line, as far in as it; the line itself if none does."""
        while line > self.start:
            above = self.line_above(line)
            if not self.is_comment(above) or self.indentation(above) != column:
                break
            line = above
        return line

    def comments_below(self, line: int, column: int) -> int:
        """Where the first line begins that is no comment at least so far in."""
        while self.is_comment(line) and self.indentation(line) >= column:
            line = self.next_line(line)
        return line

    def has_comment(self, start: int, end: int, nodes: list[Node]) -> bool:
        """Whether there is a comment between two offsets; in the nodes between them, `#` is text of scalars."""
        spans = sorted(span for node in nodes for span in _scalars(node))
        at = start
        for begin, finish in spans:
            if "#" in self.text[at : max(begin, at)]:
                return True
            at = max(at, finish)
        return "#" in self.text[at:end]


class CannotRewrite(Exception):
    """A change that cannot surely be written as text. The message says why."""


def _scalars(node: Node) -> list[tuple[int, int]]:
    """Where the scalars in a node are written."""
    if isinstance(node, Scalar | Alias):
        return [(node.start, node.end)]
    inside: list[Node] = []
    if isinstance(node, Sequence):
        inside = node.items
    elif isinstance(node, Mapping):
        inside = [each for pair in node.pairs for each in pair]
    return [span for each in inside for span in _scalars(each)]
