"""Where a field of an object is written."""

from dataclasses import dataclass

from app.domain.path import Path
from app.manifest.nodes import Mapping, Node, Sequence, behind
from app.manifest.values import entry


@dataclass(frozen=True, slots=True)
class Place:
    """Where a field is: from where to where its key is written, or in a list the item, in characters of the file."""

    start: int
    end: int
    node: Node
    """Its value."""


def locate(root: Node, path: Path) -> Place:
    """The place of the field at the path, or of the nearest above it that is written.

    What an anchor's value holds is where the anchor is, and what `<<` brings in is where it comes from.
    """
    start, end, node = root.start, root.end, root
    for part in path:
        holder = behind(node)
        if isinstance(holder, Sequence) and isinstance(part, int) and part < len(holder.items):
            node = holder.items[part]
            start, end = node.start, node.end
        elif isinstance(holder, Mapping) and isinstance(part, str) and (found := entry(holder, part)) is not None:
            key, node = found
            start, end = key.start, key.end
        else:
            break
    return Place(start, end, node)
