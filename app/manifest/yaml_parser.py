"""YAML to nodes."""

import re
from itertools import islice
from typing import Any, cast

from yaml import CSafeLoader, events
from yaml.error import MarkedYAMLError
from yaml.reader import ReaderError

from app.manifest.growth import MAX_NESTING, Extent, Growth
from app.manifest.nodes import Alias, Malformed, Mapping, Node, Scalar, Sequence, StrayMark

_MAX_TAG_DIRECTIVES = 100
"""`%TAG` lines that a document may have: libyaml compares each with all the others."""
MARK = "\n\ufeff"
"""A byte order mark at the beginning of a line, in whose column the line then seems to begin."""
_TAG_DIRECTIVE = re.compile(r"^%TAG\b", re.MULTILINE)


def compose(text: str, offset: int = 0, growth: Growth | None = None) -> Node | None:
    """The root node of a YAML document; None if it holds nothing but comments.

    `text` begins `offset` characters after the start of the file, and so count the places of the nodes. `growth` is
    what counts for all documents of a file. Raises Malformed.
    """
    directive = next(islice(_TAG_DIRECTIVE.finditer(text), _MAX_TAG_DIRECTIVES, None), None)
    if directive is not None:
        raise Malformed(f"more than {_MAX_TAG_DIRECTIVES} %TAG directives: remove them", offset + directive.start())
    try:
        return _Composer(text, offset, growth or Growth()).root()
    except ReaderError as error:
        place = len(text.encode()[: error.position].decode(errors="ignore"))
        raise Malformed(f"not YAML: the character {error.character:#06x} is not allowed", offset + place) from None
    except MarkedYAMLError as error:
        if _is_read_without_marks(text):
            raise StrayMark(offset + text.index(MARK) + len(MARK)) from None
        mark = cast("Any", error.problem_mark)
        place = mark.index if mark else 0
        said = ", ".join(each for each in (error.context, error.problem) if each)
        raise Malformed(f"not YAML: {said}{_advice(text, place)}", offset + place) from None


def _is_read_without_marks(text: str) -> bool:
    """Whether byte order marks are all that is wrong."""
    if MARK not in text:
        return False
    try:
        _Composer(text.replace(MARK, "\n"), 0, Growth()).root()
    except (Malformed, ReaderError, MarkedYAMLError):
        return False
    return True


class _Composer:
    def __init__(self, text: str, offset: int, growth: Growth) -> None:
        self._next: Any = CSafeLoader(text).get_event
        self._offset = offset
        self._growth = growth
        self._anchors: dict[str, tuple[Node, Extent]] = {}
        self._open: list[tuple[Mapping | Sequence, Extent]] = []
        self._keys: list[Node | None] = []
        """For each open mapping, the key whose value is to come."""

    def root(self) -> Node | None:
        self._growth.begin()
        root: Node | None = None
        while (event := self._next()) is not None:
            kind = type(event)
            if issubclass(kind, events.NodeEvent):
                node = self._node(event)
                root = root or node
            elif issubclass(kind, events.CollectionEndEvent):
                self._close(event)
        return root

    def _node(self, event: Any) -> Node:
        start, end = self._offset + event.start_mark.index, self._offset + event.end_mark.index
        self._growth.write(start)
        kind = type(event)
        if kind is events.AliasEvent:
            of, extent = self._anchored(event.anchor, start)
            self._growth.repeat(extent, len(self._open), start)
            alias = Alias(start, end, None, None, of)
            self._place(alias, extent)
            return alias
        node: Node
        if kind is events.ScalarEvent:
            node = Scalar(start, end, event.tag, event.anchor, event.value, event.implicit[0], event.style or "")
            extent = Extent(1, len(event.value))
        else:
            new = Mapping if kind is events.MappingStartEvent else Sequence
            node = new(start, end, event.tag, event.anchor, event.flow_style)
            extent = Extent(1, height=1)
        if node.anchor is not None:
            self._anchors[node.anchor] = node, extent
        if isinstance(node, Scalar):
            self._place(node, extent)
        else:
            if len(self._open) == MAX_NESTING:
                raise Malformed(f"nested more than {MAX_NESTING:,} levels deep", start)
            self._open.append((node, extent))
            self._keys.append(None)
        return node

    def _anchored(self, name: str, start: int) -> tuple[Node, Extent]:
        found = self._anchors.get(name)
        if found is None:
            raise Malformed(f"there is no anchor &{name} before *{name}", start)
        if any(found[0] is holder for holder, _ in self._open):
            raise Malformed(f"the value of &{name} contains itself", start)
        return found

    def _place(self, node: Node, extent: Extent) -> None:
        """Put a whole node into the list or object that is open."""
        if not self._open:
            return
        holder, holding = self._open[-1]
        holding.add(extent)
        if isinstance(holder, Sequence):
            holder.items.append(node)
        elif (key := self._keys[-1]) is None:
            self._keys[-1] = node
        else:
            holder.pairs.append((key, node))
            self._keys[-1] = None

    def _close(self, event: Any) -> None:
        node, extent = self._open.pop()
        self._keys.pop()
        if node.flow:
            node.end = self._offset + event.end_mark.index
        else:
            node.end = _last(node).end
        self._place(node, extent)


def _advice(text: str, place: int) -> str:
    """What to do about the mistakes that are made most: the line of the place, and the one before."""
    if text.startswith("\t", place):
        return ": replace the tab with spaces"
    begin = text.rfind("\n", 0, place) + 1
    lines = text[text.rfind("\n", 0, max(begin - 1, 0)) + 1 :].split("\n", 2)[: 2 if begin else 1]
    if any(mark in line for line in lines for mark in ("{{", "{%", "<%")):
        return ": render the template first"
    if any("${" in line for line in lines):
        return ": substitute the variables first, or put them in quotes"
    if text.startswith("*", place - 1) and not text[place : place + 1].isalnum():
        return ": put what begins with `*` in quotes"
    if text.startswith(("%", "@"), place):
        return ": substitute what stands for a value first, or put it in quotes"
    if any(line.startswith(("<<<<<<<", "=======", ">>>>>>>")) for line in lines):
        return ": resolve the merge conflict first"
    return ""


def _last(node: Mapping | Sequence) -> Node:
    """The last thing in it; itself where it is empty. A block's own end is marked where the next thing begins."""
    if isinstance(node, Mapping):
        return node.pairs[-1][1] if node.pairs else node
    return node.items[-1] if node.items else node
