"""A document as it is written: its values in a tree, each with its place in the file's text."""

from dataclasses import dataclass, field


class Malformed(ValueError):
    """A text that is no document of Kubernetes. `offset` is where, in characters from the start of the file."""

    def __init__(self, message: str, offset: int) -> None:
        super().__init__(message)
        self.offset = offset


class StrayMark(Malformed):
    """A document that cannot be read for nothing but byte order marks at the beginning of lines in it.

    `offset` is behind the first.
    """

    def __init__(self, offset: int) -> None:
        super().__init__("a byte order mark (U+FEFF) in the middle: remove it, as `stash-admission fix` does", offset)


@dataclass(slots=True, eq=False)
class Node:
    """A value. It is written from `start` to `end`, in characters; with its anchor and tag, without its comments."""

    start: int
    end: int
    tag: str | None
    anchor: str | None


@dataclass(slots=True, eq=False)
class Scalar(Node):
    """A text, number, boolean or null. `plain`: neither quoted nor a block; `style` is `"`, `'`, `|`, `>` or empty."""

    text: str
    plain: bool
    style: str


@dataclass(slots=True, eq=False)
class Mapping(Node):
    """Keys and values, in the order in which they are written. `flow`: in braces."""

    flow: bool
    pairs: list[tuple[Node, Node]] = field(default_factory=list)


@dataclass(slots=True, eq=False)
class Sequence(Node):
    """Items. `flow`: in brackets."""

    flow: bool
    items: list[Node] = field(default_factory=list)


@dataclass(slots=True, eq=False)
class Alias(Node):
    """`*name`: another node, once more."""

    of: Node


def behind(node: Node) -> Node:
    """The node itself, or what it is an alias of."""
    while isinstance(node, Alias):
        node = node.of
    return node
