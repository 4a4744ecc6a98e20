"""An inventory of manifests in files, for laptops and CI: what is there is all that there is."""

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import orjson
import yaml

from app.domain.invoker import GROUP
from app.inventory.inventory import KINDS, NAMESPACE, Inventory

_SUFFIXES = (".yaml", ".yml", ".json")


class BadFolder(ValueError):
    """Something that cannot be read. The message names file and line, and says what is wrong."""


def read_folder(path: Path) -> Inventory:
    """The inventory of all YAML and JSON files in a folder and those below it, or of one file. Raises BadFolder."""
    inventory = Inventory(stale_after=None)
    for file in _files(path):
        for line, document in _documents(file):
            try:
                _put(inventory, document)
            except ValueError as error:
                raise BadFolder(f"{file}, line {line}: {error}") from None
    _complete(inventory)
    return inventory


def inventory_of(documents: Iterable[Mapping[str, Any]]) -> Inventory:
    """The inventory of objects. Raises ValueError if one has no name."""
    inventory = Inventory(stale_after=None)
    for document in documents:
        _put(inventory, document)
    _complete(inventory)
    return inventory


def _complete(inventory: Inventory) -> None:
    for kind in KINDS:
        inventory.complete(kind)


def _put(inventory: Inventory, document: Any) -> None:
    """Take in an object, or all those of a list; what is no object of the kinds is passed by."""
    if not isinstance(document, dict):
        raise ValueError("this is no object of Kubernetes: it has no fields")
    kind, version, items = document.get("kind"), str(document.get("apiVersion")), document.get("items")
    if isinstance(kind, str) and kind.endswith("List") and isinstance(items, list):
        for item in items:
            listed = {"apiVersion": version, "kind": kind.removesuffix("List")}
            _put(inventory, listed | item if isinstance(item, dict) else item)
    elif kind in KINDS and version.partition("/")[0] == ("v1" if kind == NAMESPACE else GROUP):
        inventory.put(kind, document)


def _files(path: Path) -> list[Path]:
    if path.is_dir():
        return sorted(file for file in path.rglob("*") if file.suffix in _SUFFIXES and file.is_file())
    if path.exists():
        return [path]
    raise BadFolder(f"{path}: there is no such file or folder")


def _documents(file: Path) -> Iterator[tuple[int, Any]]:
    """The documents of a file that are not empty, each with the line where it begins."""
    try:
        content = file.read_bytes()
    except OSError as error:
        raise BadFolder(f"{file}: cannot be read: {error.strerror}") from None
    try:
        found = [(1, orjson.loads(content))] if file.suffix == ".json" else list(_yaml(content))
    except orjson.JSONDecodeError as error:
        raise BadFolder(f"{file}, line {error.lineno}: this is no JSON: {error.msg}") from None
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise BadFolder(f"{file}, line {line}: this is no YAML: {error.problem}") from None
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise BadFolder(f"{file}: this is no YAML: {' '.join(str(error).split())}") from None
    yield from ((line, document) for line, document in found if document is not None)


def _yaml(content: bytes) -> Iterator[tuple[int, Any]]:
    loader = yaml.CSafeLoader(content)
    try:
        while loader.check_node():
            node: Any = loader.get_node()
            yield node.start_mark.line + 1, loader.construct_document(node)
    finally:
        loader.dispose()
