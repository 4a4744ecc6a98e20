"""YAML to nodes."""

from typing import Any, cast

from yaml import CSafeLoader, events
from yaml.error import MarkedYAMLError
from yaml.reader import ReaderError

from app.manifest.nodes import Alias, Malformed, Mapping, Node, Scalar, Sequence

MAX_NESTING = 1_000
"""Lists and objects inside each other that a document may have."""
MAX_VALUES = 1_000_000
"""Values that a document may have: a hostile one must not take the machine's memory."""


def compose(text: str, offset: int = 0) -> Node | None:
    """The root node of a YAML document; None if it holds nothing but comments.

    `text` begins `offset` characters after the start of the file, and so count the places of the nodes. Raises
    Malformed.
    """
    try:
        return _Composer(text, offset).root()
    except ReaderError as error:
        place = len(text.encode()[: error.position].decode(errors="ignore"))
        raise Malformed(f"not YAML: the character {error.character:#06x} is not allowed", offset + place) from None
    except MarkedYAMLError as error:
        mark = cast("Any", error.problem_mark)
        place = mark.index if mark else 0
        said = ", ".join(each for each in (error.context, error.problem) if each)
        raise Malformed(f"not YAML: {said}{_advice(text, place)}", offset + place) from None


class _Composer:
    def __init__(self, text: str, offset: int) -> None:
        self._next: Any = CSafeLoader(text).get_event
        self._offset = offset
        self._anchors: dict[str, Node] = {}
        self._open: list[Mapping | Sequence] = []
        self._keys: list[Node | None] = []
        """For each open mapping, the key whose value is to come."""
        self._count = 0

    def root(self) -> Node | None:
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
        self._count += 1
        if self._count > MAX_VALUES:
            raise Malformed(f"the document has more than {MAX_VALUES:,} values", start)
        kind = type(event)
        node: Node
        if kind is events.ScalarEvent:
            node = Scalar(start, end, event.tag, event.anchor, event.value, event.implicit[0], event.style or "")
        elif kind is events.AliasEvent:
            node = Alias(start, end, None, None, self._anchored(event.anchor, start))
        elif kind is events.MappingStartEvent:
            node = Mapping(start, end, event.tag, event.anchor, event.flow_style)
        else:
            node = Sequence(start, end, event.tag, event.anchor, event.flow_style)
        if not isinstance(node, Alias) and node.anchor is not None:
            self._anchors[node.anchor] = node
        self._place(node)
        if isinstance(node, Mapping | Sequence):
            if len(self._open) == MAX_NESTING:
                raise Malformed(f"nested more than {MAX_NESTING:,} levels deep", start)
            self._open.append(node)
            self._keys.append(None)
        return node

    def _anchored(self, name: str, start: int) -> Node:
        node = self._anchors.get(name)
        if node is None:
            raise Malformed(f"there is no anchor &{name} before *{name}", start)
        if any(node is holder for holder in self._open):
            raise Malformed(f"the value of &{name} contains itself", start)
        return node

    def _place(self, node: Node) -> None:
        """Put the node into the list or object that is open."""
        if not self._open:
            return
        holder = self._open[-1]
        if isinstance(holder, Sequence):
            holder.items.append(node)
        elif (key := self._keys[-1]) is None:
            self._keys[-1] = node
        else:
            holder.pairs.append((key, node))
            self._keys[-1] = None

    def _close(self, event: Any) -> None:
        node = self._open.pop()
        self._keys.pop()
        if node.flow:
            node.end = self._offset + event.end_mark.index
        else:
            node.end = _last(node).end


def _advice(text: str, place: int) -> str:
    """What to do about the two mistakes that are made most."""
    if text.startswith("\t", place):
        return ": replace the tab with spaces"
    if "{{" in text[text.rfind("\n", 0, place) + 1 :].partition("\n")[0]:
        return ": render the template first"
    return ""


def _last(node: Mapping | Sequence) -> Node:
    """The last thing in it; itself where it is empty. A block's own end is marked where the next thing begins."""
    if isinstance(node, Mapping):
        return node.pairs[-1][1] if node.pairs else node
    return node.items[-1] if node.items else node
