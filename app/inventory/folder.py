"""An inventory of manifests in files, for laptops and CI: what is there is all that there is."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from app.domain.invoker import GROUP
from app.inventory.store import KINDS, NAMESPACE, Inventory
from app.manifest.discovery import Unreadable
from app.manifest.objects import Manifest, objects


class BadFolder(ValueError):
    """Something that cannot be read. The message names file and line, and says what is wrong."""


def read_folder(path: Path, *, confidential: bool = False) -> Inventory:
    """The inventory of all YAML and JSON files in a folder and those below it, or of one file.

    `confidential` as for Inventory: whoever has the files may read them. Raises BadFolder.
    """
    inventory = Inventory(stale_after=None, confidential=confidential)
    for found in objects([path], _is_held):
        if isinstance(found, Unreadable):
            raise BadFolder(str(found))
        if isinstance(found, Manifest):
            try:
                inventory.put(found.kind, found.value)
            except ValueError as error:
                raise BadFolder(f"{found.file}, line {found.line}: {error}") from None
    return _complete(inventory)


def inventory_of(documents: Iterable[Mapping[str, Any]], *, confidential: bool = True) -> Inventory:
    """The inventory of objects. Raises ValueError if one has no name."""
    inventory = Inventory(stale_after=None, confidential=confidential)
    for document in documents:
        if _is_held(str(document.get("apiVersion")), str(document.get("kind"))):
            inventory.put(document["kind"], document)
    return _complete(inventory)


def _is_held(api_version: str, kind: str) -> bool:
    return kind in KINDS and api_version.partition("/")[0] == ("v1" if kind == NAMESPACE else GROUP)


def _complete(inventory: Inventory) -> Inventory:
    for kind in KINDS:
        inventory.complete(kind)
    return inventory
