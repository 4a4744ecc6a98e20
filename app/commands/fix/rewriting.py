"""A document's text with the changes of its objects written into it."""

import json
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from app.commands.fix.layout import CannotRewrite, Layout
from app.commands.fix.moving import field_of, move, remove
from app.commands.fix.setting import set_field
from app.commands.fix.splice import Splice, spliced
from app.domain.outcome import Edit, apply
from app.domain.path import Path
from app.manifest.documents import Document
from app.manifest.json_parser import compose_json
from app.manifest.nodes import Malformed, Mapping, Node, behind
from app.manifest.objects import Manifest
from app.manifest.positions import locate
from app.manifest.values import value_of
from app.manifest.yaml_parser import compose

_FOLLOWS = {"executionOrder": "maintainOrder"}
"""Fields that are written behind another one, which they go with."""


def rewritten(text: str, document: Document, changes: Iterable[tuple[Manifest, Sequence[Edit]]]) -> str:
    """The text of the document, changed. It is read again: raises CannotRewrite if it is not exactly what was meant."""
    layout = Layout(text, document.start, document.end)
    try:
        wanted = value_of(document.root)
    except Malformed as error:
        raise CannotRewrite(f"something else in the document is wrong ({error})") from None
    splices: list[Splice] = []
    for manifest, edits in changes:
        wanted = _with(wanted, manifest.within, edits)
        for edit in edits:
            splices += _splices(layout, manifest.node, edit)
    result = spliced(text, document.start, document.end, splices)
    try:
        root = compose_json(result) if document.json else compose(result)
        same = root is not None and _canonical(value_of(root)) == _canonical(wanted)
    except Malformed as error:
        raise CannotRewrite(f"it would be broken ({error})") from None
    if not same:
        raise CannotRewrite("it shares an anchor with something that must not change")
    return result


def _splices(layout: Layout, root: Node, edit: Edit) -> Iterator[Splice]:
    name = str(edit.path[-1])
    if edit.op == "remove":
        yield from remove(layout, field_of(_at(root, edit.path[:-1]), name))
    elif edit.op == "move":
        field = field_of(_at(root, edit.source[:-1]), str(edit.source[-1]))
        yield from move(layout, field, _object(root, edit.path[:-1]), name)
    else:
        holder = _object(root, edit.path[:-1])
        yield from set_field(layout, holder, name, edit.value, _FOLLOWS.get(name, ""))


def _object(root: Node, path: Path) -> Mapping:
    found = _at(root, path)
    if not isinstance(found, Mapping):
        raise CannotRewrite("it is not an object")
    return found


def _at(root: Node, path: Path) -> Node:
    return behind(locate(root, path).node)


def _with(document: Any, within: Path, edits: Iterable[Edit]) -> Any:
    """The document with an object in it changed."""
    if not within:
        return apply(edits, document)
    changed: Any = document.copy()
    changed[within[0]] = _with(document[within[0]], within[1:], edits)
    return changed


def _canonical(value: Any) -> str:
    return json.dumps(value, sort_keys=True)
