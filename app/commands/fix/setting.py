"""Writing a field with a text or a boolean: into an object that has none, or in place of another value."""

from collections.abc import Iterator

from app.commands.fix.layout import CannotRewrite, Layout
from app.commands.fix.spelling import scalar
from app.commands.fix.splice import Splice
from app.manifest.nodes import Alias, Mapping, Node, Scalar
from app.manifest.values import key_of


def own_pair(holder: Mapping, name: str) -> tuple[Node, Node] | None:
    """Key and value of a field that is written in the object itself, not merged into it."""
    return next(((key, value) for key, value in holder.pairs if _is_called(key, name)), None)


def set_field(layout: Layout, holder: Mapping, name: str, value: str | bool, behind: str = "") -> Iterator[Splice]:
    """Write a field: over the value that it has, behind the field `behind` if there is one, or as the first field."""
    pair = own_pair(holder, name)
    if pair is not None:
        yield _over(layout, *pair, value)
        return
    style = _style(holder)
    written = scalar(name, style), scalar(value, style)
    if holder.flow:
        yield _first_in_flow(layout, holder, *written)
        return
    neighbour = own_pair(holder, behind) if behind else None
    if neighbour is not None and layout.alone(neighbour[0].start):
        at = layout.after(neighbour[1])
        indent = layout.before(neighbour[0].start)
        yield whole_lines(layout, at, f"{indent}{': '.join(written)}{layout.newline}")
        return
    yield _first_in_block(layout, holder, ": ".join(written))


def whole_lines(layout: Layout, at: int, lines: str) -> Splice:
    """Lines put before the line that begins at the offset, or behind the last one, which need not have an end."""
    if at == layout.end and at > layout.start and layout.text[at - 1] not in "\r\n":
        return Splice(at, at, layout.newline + lines.removesuffix(layout.newline))
    return Splice(at, at, lines)


def is_compact(layout: Layout, holder: Mapping) -> bool:
    """Whether a flow object is written as `{"a":1}`, without spaces."""
    return bool(holder.pairs) and layout.text[holder.pairs[0][0].end :][:2].rstrip() not in (":", "")


def _over(layout: Layout, key: Node, node: Node, value: str | bool) -> Splice:
    """The value of a field in place of what was there."""
    if node.anchor is not None or node.tag is not None:
        raise CannotRewrite("the value has an anchor or a tag")
    if isinstance(node, Alias):
        return Splice(node.start, node.end, scalar(value))
    if not isinstance(node, Scalar) or node.style in ("|", ">"):
        raise CannotRewrite("the value is a block")
    if node.start < node.end:
        return Splice(node.start, node.end, scalar(value, node.style))
    colon = layout.text.find(":", key.end, node.start)
    if colon < 0:
        raise CannotRewrite("the key has no colon")
    return Splice(colon + 1, colon + 1, f" {scalar(value)}")


def _first_in_block(layout: Layout, holder: Mapping, field: str) -> Splice:
    """A line before the first field, and before the comment above it."""
    first = holder.pairs[0][0].start
    indent = " " * layout.column(first)
    if not layout.alone(first):
        return Splice(first, first, f"{field}{layout.newline}{indent}")
    line = layout.line_start(first)
    while line > layout.start:
        above = layout.line_above(line)
        if not layout.is_comment(above) and layout.text[above:line].strip():
            break
        line = above
    return Splice(line, line, f"{indent}{field}{layout.newline}")


def _first_in_flow(layout: Layout, holder: Mapping, name: str, value: str) -> Splice:
    colon = ":" if is_compact(layout, holder) else ": "
    if not holder.pairs:
        return Splice(holder.end - 1, holder.end - 1, f"{name}{colon}{value}")
    first = holder.pairs[0][0].start
    if layout.alone(first):
        return Splice(first, first, f"{name}{colon}{value},{layout.newline}{layout.before(first)}")
    return Splice(first, first, f"{name}{colon}{value},{colon[1:]}")


def _style(holder: Mapping) -> str:
    """How the first key is quoted."""
    key = holder.pairs[0][0] if holder.pairs else None
    return key.style if isinstance(key, Scalar) and key.style in ('"', "'") else ""


def _is_called(key: Node, name: str) -> bool:
    return isinstance(key, Scalar) and key_of(key) == name and key.text != "<<"
