"""Where a field of an object is written."""

from dataclasses import dataclass

from app.domain.path import Path
from app.files.nodes import Alias, Mapping, Node, Sequence, behind
from app.files.values import entry


@dataclass(frozen=True, slots=True)
class Place:
    """Where a field is: its key, or in a list the item. Offsets count characters from the start of the file."""

    start: int
    end: int
    node: Node
    """The field's value."""
    exact: bool
    """Whether it is the field itself, not one above it."""
    through: Node | None = None
    """The alias that brought it here, the last one on the way."""


def locate(root: Node, path: Path) -> Place:
    """The place of the field at the path, or of the nearest above it that is written.

    What an anchor's value holds is where the anchor is, and what `<<` brings in is where it comes from.
    """
    start, end, node, through = root.start, root.end, root, None
    for part in path:
        if isinstance(node, Alias):
            through = node
        holder = behind(node)
        if isinstance(holder, Sequence) and isinstance(part, int) and part < len(holder.items):
            node = holder.items[part]
            start, end = node.start, node.end
        elif isinstance(holder, Mapping) and isinstance(part, str) and (found := entry(holder, part)) is not None:
            key, node = found
            start, end = key.start, key.end
        else:
            return Place(start, end, node, exact=False, through=through)
    return Place(start, end, node, exact=True, through=through)
