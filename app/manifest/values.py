"""Nodes to the JSON that kubectl sends for them.

Merge keys act as in go-yaml v2: the last one wins, be it written or merged.
"""

from collections.abc import Iterator
from itertools import chain
from typing import Any

from app.manifest.nodes import Malformed, Mapping, Node, Scalar, Sequence, behind
from app.manifest.scalars import Atom, BadScalar, as_key, plain, tagged
from schemas.admissionreview import MAX_DEPTH

_MAX_DEPTH = MAX_DEPTH - 2
"""What the server takes for the object in a review, which lies two levels below the review's root."""
_MERGE = "<<"
_TAGS = {Mapping: "tag:yaml.org,2002:map", Sequence: "tag:yaml.org,2002:seq"}


def value_of(node: Node, depth: int = 1) -> Any:
    """The value as JSON, the node being in `depth` lists and objects, itself among them.

    Raises Malformed: a key twice, an unknown tag, nested too deep.
    """
    node = behind(node)
    if isinstance(node, Scalar):
        return atom(node)
    if depth > _MAX_DEPTH:
        raise Malformed(f"nested more than {_MAX_DEPTH} levels deep", node.start)
    if node.tag not in (None, "!", _TAGS[type(node)]):
        raise Malformed(f"the tag {node.tag} is not allowed here: Kubernetes objects have no tags", node.start)
    if isinstance(node, Sequence):
        return [value_of(item, depth + 1) for item in node.items]
    assert isinstance(node, Mapping)  # noqa: S101  there is no other node
    return _object(node, depth)


def _object(node: Mapping, depth: int) -> dict[str, Any]:
    result: dict[str, Any] = {}
    own: dict[str, Node] = {}
    for key, value in node.pairs:
        if is_merge(key):
            for merged in merged_by(value):
                result |= value_of(merged, depth + 1)
            continue
        name = key_of(key)
        if name in own:
            raise Malformed(f"the key {name!r} appears twice: remove one", key.start)
        own[name] = key
        result[name] = value_of(value, depth + 1)
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
    found = None
    for key, value in _pairs(node):
        if _is(key, name):
            found = key, value
    return found


def _pairs(node: Node) -> Iterator[tuple[Node, Node]]:
    """All keys and values of an object, those that are merged into it among them; the last of a name is the one.

    Objects may be merged into each other more often than Python calls functions.
    """
    waiting = [_written(node)]
    while waiting:
        for key, value in waiting[-1]:
            if is_merge(key):
                waiting.append(chain.from_iterable(map(_written, merged_by(value))))
                break
            yield key, value
        else:
            waiting.pop()


def _written(node: Node) -> Iterator[tuple[Node, Node]]:
    holder = behind(node)
    return iter(holder.pairs if isinstance(holder, Mapping) else ())


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
