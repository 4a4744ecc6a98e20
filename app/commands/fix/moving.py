"""Moving a field from one object into another, and removing one."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from app.commands.fix.layout import CannotRewrite, Layout
from app.commands.fix.setting import is_compact, own_pair, whole_lines
from app.commands.fix.spelling import flow
from app.commands.fix.splice import Splice
from app.manifest.nodes import Alias, Mapping, Node
from app.manifest.values import value_of

_LINE = re.compile(r"[^\r\n]*(?:\r\n|\r|\n)|[^\r\n]+")


@dataclass(frozen=True)
class _Field:
    """A field as it is written in an object."""

    holder: Mapping
    number: int

    @property
    def key(self) -> Node:
        return self.holder.pairs[self.number][0]

    @property
    def value(self) -> Node:
        return self.holder.pairs[self.number][1]


def field_of(holder: Node, name: str) -> _Field:
    """A field that is written in the object itself. Raises CannotRewrite if it comes from elsewhere."""
    pair = own_pair(holder, name) if isinstance(holder, Mapping) else None
    if pair is None or not isinstance(holder, Mapping):
        raise CannotRewrite(f"{name} comes from an anchor")
    return _Field(holder, [key for key, _ in holder.pairs].index(pair[0]))


def remove(layout: Layout, field: _Field) -> Iterator[Splice]:
    """Take the field away. Comments above it stay. Raises CannotRewrite where it holds comments."""
    if field.holder.flow:
        yield _out_of_flow(layout, field)
        return
    start, end = field.key.start, layout.after(field.value)
    if layout.has_comment(start, end, [field.key, field.value]):
        raise CannotRewrite("it has comments, which would be lost")
    yield _out_of_block(layout, field, layout.line_start(start) if layout.alone(start) else start, end)


def move(layout: Layout, field: _Field, into: Mapping, name: str) -> Iterator[Splice]:
    """Take the field with its comments from its object and write it as the last one of another.

    A field of that name which is there is replaced.
    """
    old = own_pair(into, name)
    if old is not None:
        yield from remove(layout, field_of(into, name))
    if field.holder.flow and into.flow:
        yield _out_of_flow(layout, field)
        text = _shifted(layout, field.key.start, field.value.end, field, into)
        yield _into_flow(layout, into, text, old)
    elif field.holder.flow:
        raise CannotRewrite("it is inside braces, and would have to be moved out of them")
    elif into.flow:
        start, end = field.key.start, layout.after(field.value)
        if layout.has_comment(start, end, [field.key, field.value]):
            raise CannotRewrite("it has comments, which cannot be inside braces")
        yield _out_of_block(layout, field, layout.line_start(start) if layout.alone(start) else start, end)
        yield _into_flow(layout, into, f"{name}: {_in_flow(layout, field.value)}", old)
    else:
        yield from _from_block_to_block(layout, field, into)


def _from_block_to_block(layout: Layout, field: _Field, into: Mapping) -> Iterator[Splice]:
    key = field.key.start
    column = layout.column(key)
    start = key
    if layout.alone(key):
        start = layout.comments_above(layout.line_start(key), column)
    end = layout.comments_below(layout.after(field.value), column + 1)
    first = into.pairs[0][0].start
    at = layout.comments_below(layout.after(into.pairs[-1][1]), layout.column(first))
    lines = _shifted(layout, start, end, field, into)
    if not lines.endswith(("\n", "\r")):
        lines += layout.newline
    yield _out_of_block(layout, field, start, end)
    yield whole_lines(layout, at, lines)


def _shifted(layout: Layout, start: int, end: int, field: _Field, into: Mapping) -> str:
    """Text from one offset to the other, moved as far to the right as the other object's fields are."""
    shift = layout.column(into.pairs[0][0].start) - layout.column(field.key.start) if into.pairs else 0
    lines: list[str] = _LINE.findall(layout.text, start, end)
    if into.flow:
        shift = max(shift, 0) if layout.alone(field.key.start) else 0
        return lines[0] + "".join(_indented(line, shift) for line in lines[1:])
    if shift < 0:
        raise CannotRewrite("it shares an anchor with something that must not change")
    if start == field.key.start:
        lines[0] = " " * layout.column(start) + lines[0]
    return "".join(_indented(line, shift) for line in lines)


def _indented(line: str, shift: int) -> str:
    return " " * shift + line if line.strip("\r\n") else line


def _out_of_block(layout: Layout, field: _Field, start: int, end: int) -> Splice:
    if layout.alone(field.key.start):
        return Splice(start, end)
    if field.number != 0 or len(field.holder.pairs) < 2:
        raise CannotRewrite("it is not at the start of its line")
    # The first field of a list's item: what comes next takes its place behind the dash.
    rest = layout.text[end : field.holder.pairs[1][0].start]
    return Splice(start, end + len(rest) - len(rest.lstrip()))


def _out_of_flow(layout: Layout, field: _Field) -> Splice:
    pairs, number = field.holder.pairs, field.number
    if number + 1 < len(pairs):
        start, end = field.key.start, pairs[number + 1][0].start
        between = layout.text[field.value.end : end]
    else:  # never the only one: the target is beside it
        start, end = pairs[number - 1][1].end, field.value.end
        between = layout.text[start : field.key.start]
    if "#" in between:
        raise CannotRewrite("there is a comment next to it")
    return Splice(start, end)


def _into_flow(layout: Layout, into: Mapping, text: str, old: tuple[Node, Node] | None) -> Splice:
    left = [pair for pair in into.pairs if pair != old]
    if not left or (old is not None and into.pairs[-1] == old):
        if left:
            raise CannotRewrite("there is already an empty list of that name: remove it")
        return Splice(into.end - 1, into.end - 1, text)
    key, value = into.pairs[-1]
    comma = "," if is_compact(layout, into) else ", "
    if layout.alone(key.start):
        comma = f",{layout.newline}{layout.before(key.start)}"
    return Splice(value.end, value.end, comma + text)


def _in_flow(layout: Layout, node: Node) -> str:
    """A value in block style in one line, as it is written where it is in one already."""
    written = layout.text[node.start : node.end]
    if isinstance(node, Alias) or (getattr(node, "flow", False) and "\n" not in written):
        return written
    return flow(value_of(node))
