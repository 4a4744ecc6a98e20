"""Nodes to the JSON that kubectl sends for them.

Merge keys act as in go-yaml v2: the last one wins, be it written or merged.
"""

from collections.abc import Iterator
from typing import Any

from app.manifest.nodes import Alias, Malformed, Mapping, Node, Scalar, Sequence, behind
from app.manifest.scalars import Atom, BadScalar, as_key, plain, tagged
from schemas.admissionreview import MAX_DEPTH

_MAX_DEPTH = MAX_DEPTH - 2
"""What the server takes for the object in a review, which lies two levels below the review's root."""
_MERGE = "<<"
_TAGS = {Mapping: "tag:yaml.org,2002:map", Sequence: "tag:yaml.org,2002:seq"}


def value_of(node: Node) -> Any:
    """The value as JSON. Raises Malformed: a key twice, an unknown tag, excessive aliases, nested too deep."""
    return _Reader().value(node, 1)


class _Reader:
    def __init__(self) -> None:
        self._seen = 0
        self._by_alias = 0
        self._aliases = 0

    def value(self, node: Node, depth: int) -> Any:
        self._seen += 1
        self._by_alias += self._aliases > 0
        if self._by_alias > 100 and self._seen > 1_000 and self._by_alias / self._seen > _allowed(self._seen):
            raise Malformed("too many values come from aliases: remove anchors that refer to each other", node.start)
        if isinstance(node, Alias):
            self._aliases += 1
            value = self.value(node.of, depth)
            self._aliases -= 1
            return value
        if isinstance(node, Scalar):
            return atom(node)
        if depth > _MAX_DEPTH:
            raise Malformed(f"nested more than {_MAX_DEPTH} levels deep", node.start)
        if node.tag not in (None, "!", _TAGS[type(node)]):
            raise Malformed(f"the tag {node.tag} is not allowed here: Kubernetes objects have no tags", node.start)
        if isinstance(node, Sequence):
            return [self.value(item, depth + 1) for item in node.items]
        assert isinstance(node, Mapping)  # noqa: S101  there is no other node
        return self._object(node, depth)

    def _object(self, node: Mapping, depth: int) -> dict[str, Any]:
        result: dict[str, Any] = {}
        own: dict[str, Node] = {}
        for key, value in node.pairs:
            if is_merge(key):
                for merged in merged_by(value):
                    result |= self.value(merged, depth)
                continue
            name = key_of(key)
            if name in own:
                raise Malformed(f"the key {name!r} appears twice: remove one", key.start)
            own[name] = key
            result[name] = self.value(value, depth + 1)
        return result


def atom(node: Scalar) -> Atom:
    """The value of a scalar. Raises Malformed."""
    try:
        if node.tag is not None:
            return tagged(node.tag, node.text)
        return plain(node.text) if node.plain else node.text
    except BadScalar as error:
        raise Malformed(str(error), node.start) from None


def key_of(node: Node) -> str:
    """A key. Raises Malformed where it is not text, nor what becomes text."""
    scalar = behind(node)
    if not isinstance(scalar, Scalar):
        raise Malformed(
            "a list or an object cannot be a key: if this is a template such as {{ this }}, render it first", node.start
        )
    try:
        return as_key(atom(scalar))
    except BadScalar as error:
        raise Malformed(str(error), node.start) from None


def is_merge(key: Node) -> bool:
    """Whether the key is `<<`, which brings in the keys of another object."""
    return isinstance(key, Scalar) and key.text == _MERGE and key.plain


def merged_by(value: Node) -> Iterator[Node]:
    """The objects that a merge key names, the one that wins last. Raises Malformed where it names something else."""
    named = reversed(value.items) if isinstance(value, Sequence) else [value]
    for each in named:
        if not isinstance(behind(each), Mapping):
            raise Malformed("`<<` must be given an object, or a list of objects", each.start)
        yield each


def entry(node: Node, name: str) -> tuple[Node, Node] | None:
    """Key and value of a field of an object, wherever it is written; None if it has no such field."""
    holder = behind(node)
    found = None
    for key, value in holder.pairs if isinstance(holder, Mapping) else ():
        if is_merge(key):
            for merged in merged_by(value):
                found = entry(merged, name) or found
        elif _is(key, name):
            found = key, value
    return found


def text_at(node: Node, *path: str) -> str:
    """The text at the path; empty if there is none. For a document that may be anything."""
    for name in path:
        found = entry(node, name)
        if found is None:
            return ""
        node = found[1]
    scalar = behind(node)
    value = atom(scalar) if isinstance(scalar, Scalar) else None
    return value if isinstance(value, str) else ""


def _is(key: Node, name: str) -> bool:
    scalar = behind(key)
    return isinstance(scalar, Scalar) and (
        key_of(scalar) == name if scalar.plain or scalar.tag is not None else scalar.text == name
    )


def _allowed(seen: int) -> float:
    """The share of values that may come from aliases: go-yaml's own bound, for documents of any honest size."""
    low, high = 400_000, 4_000_000
    return 0.99 - 0.89 * (min(max(seen, low), high) - low) / (high - low)
