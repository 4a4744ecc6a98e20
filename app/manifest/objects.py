"""The objects in files, each with where it is written."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from app.domain.path import Path as Field
from app.manifest.discovery import OtherFile, Skipped, Unreadable, files
from app.manifest.documents import Document, documents
from app.manifest.exclusions import Exclusions
from app.manifest.kustomization import Kustomizations
from app.manifest.nodes import Alias, Malformed, Mapping, Node, Sequence, behind
from app.manifest.partial import not_whole
from app.manifest.positions import locate
from app.manifest.source import Text, read_if
from app.manifest.values import entry, text_at, value_of
from app.manifest.wanted import STASH, Wanted


@dataclass(frozen=True, slots=True)
class Other:
    """An object that nobody asked for: nothing is known about it."""

    file: str


@dataclass(frozen=True)
class Manifest:
    """An object as it is written: its values, and where they are."""

    text: Text
    document: Document
    index: int
    """Which of the file's documents it is in; the first is 0."""
    node: Node
    """Its root: the document's, or in a List an item's."""
    within: Field
    """Where it is in the document: empty, or in a List `("items", 2)`."""
    value: dict[str, Any]

    @property
    def file(self) -> str:
        """Name of the file, as it was given."""
        return self.text.file

    @property
    def kind(self) -> str:
        """What it says of itself."""
        return str(self.value.get("kind") or "")

    @property
    def api_version(self) -> str:
        """The API that it says it belongs to, empty if it does not."""
        return str(self.value.get("apiVersion") or "")

    @property
    def version(self) -> str:
        """The version of its API, without the group."""
        return self.api_version.partition("/")[2]

    @property
    def name(self) -> str:
        """Its name, empty if it has none."""
        return self._metadata("name")

    @property
    def namespace(self) -> str:
        """Its namespace, empty if it names none."""
        return self._metadata("namespace")

    @cached_property
    def line(self) -> int:
        """The line on which it begins; the first is 1."""
        return self.text.place(self.node.start)[0]

    def place(self, field: Field) -> tuple[int, int]:
        """Line and column of a field: where its key is, or in a list the item; of the nearest above that is there."""
        return self.text.place(locate(self.node, field).start)

    def _metadata(self, field: str) -> str:
        metadata = self.value.get("metadata")
        value = metadata.get(field) if isinstance(metadata, dict) else None
        return value if isinstance(value, str) else ""


_TEMPLATES = ("template.openshift.io/v1", "v1")
Found = Manifest | Other | OtherFile | Skipped | Unreadable


def objects(paths: Iterable[Path], wanted: Wanted = STASH, but: Exclusions | None = None) -> Iterator[Found]:
    """Everything in files, in directories and on standard input (`-`): objects, and in their place what is wrong.

    A file that cannot hold one is an OtherFile, whatever is in it. `but` is what is left out.
    """
    for text in texts(paths, wanted, but):
        if isinstance(text, Text):
            yield from objects_in(text, wanted)
        else:
            yield text


def texts(
    paths: Iterable[Path], wanted: Wanted = STASH, but: Exclusions | None = None
) -> Iterator[Text | OtherFile | Unreadable]:
    """The files that may hold what is wanted, and in place of others what is known of them."""
    found = list(files(list(paths), but))
    kustomizations = Kustomizations(each for each in found if isinstance(each, str))
    for name in found:
        text = read_if(wanted, name) if isinstance(name, str) else name
        if isinstance(text, Text) and isinstance(name, str):
            yield replace(text, patched=kustomizations.patching(name))
        else:
            yield text


def objects_in(text: Text, wanted: Wanted = STASH) -> Iterator[Found]:
    """Everything in the text of a file."""
    for index, document in enumerate(documents(text.text)):
        if isinstance(document, Malformed):
            yield _unreadable(text, document)
            continue
        for field, node, of in _objects_of(document.root, (), set()):
            try:
                yield _found(text, document, index, field, node, of, wanted)
                yield from _in_template(text, node, wanted)
            except Malformed as error:
                yield _unreadable(text, error)


_Type = tuple[str, str]
"""An `apiVersion` and a `kind`, empty where there are none."""


def _objects_of(node: Node, field: Field, held: set[int], of: _Type = ("", "")) -> Iterator[tuple[Field, Node, _Type]]:
    """The object itself, or what a List holds, with the type that the items of a typed list have if they name none.

    `held`: what was found; aliases of an object do not make it another.
    """
    try:
        list_kind = text_at(node, "kind")
        items = entry(node, "items") if list_kind.endswith("List") else None
        items_are = (text_at(node, "apiVersion"), list_kind.removesuffix("List"))
    except Malformed:
        items = None  # whoever needs this node finds the same
    holder = behind(items[1]) if items else None
    what = holder if isinstance(holder, Sequence) else behind(node)
    if id(what) in held:
        return
    held.add(id(what))
    if not isinstance(holder, Sequence):
        yield field, node, of
        return
    for number, item in enumerate(holder.items):
        if not isinstance(item, Alias):
            yield from _objects_of(item, (*field, "items", number), held, items_are)
        elif id(item.of) not in held:
            held.add(id(item.of))
            yield (*field, "items", number), item, items_are


def _found(text: Text, document: Document, index: int, field: Field, node: Node, of: _Type, wanted: Wanted) -> Found:
    if not isinstance(behind(node), Mapping):
        return Other(text.file)
    own = text_at(node, "apiVersion"), text_at(node, "kind")
    is_typed = any(own) or entry(node, "apiVersion") is not None or entry(node, "kind") is not None
    if not wanted.matches(*(own if is_typed else of)):
        return Other(text.file)
    value = value_of(node)
    manifest = Manifest(text, document, index, node, field, value if is_typed else _typed(of, value))
    why = not_whole(value, text.patched)
    if why is not None:
        named = "/".join(filter(None, (manifest.namespace, manifest.name)))
        return Skipped(text.file, f"{manifest.kind} {named} is not looked at: {why}", *text.place(node.start))
    return manifest


def _typed(of: _Type, value: dict[str, Any]) -> dict[str, Any]:
    return {"apiVersion": of[0], "kind": of[1], **value}


def _in_template(text: Text, node: Node, wanted: Wanted) -> Iterator[Skipped]:
    """The objects in a Template of OpenShift: they have parameters."""
    if text_at(node, "kind") != "Template" or text_at(node, "apiVersion") not in _TEMPLATES:
        return
    held = entry(node, "objects")
    holder = behind(held[1]) if held else None
    for item in holder.items if isinstance(holder, Sequence) else ():
        kind = text_at(item, "kind")
        if wanted.matches(text_at(item, "apiVersion"), kind):
            why = "it is in a Template: check what `oc process --local` writes"
            yield Skipped(text.file, f"{kind} is not looked at: {why}", *text.place(item.start))


def _unreadable(text: Text, error: Malformed) -> Unreadable | Other:
    if not text.names_group:
        return Other(text.file)
    return Unreadable(text.file, str(error), *text.place(error.offset))
