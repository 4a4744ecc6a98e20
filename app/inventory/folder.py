"""An inventory of manifests in files, for laptops and CI: what is there is all that there is."""

import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from app.inventory.store import KINDS, NAMESPACE, Inventory
from app.manifest.discovery import Skipped, Unreadable
from app.manifest.exclusions import Exclusions
from app.manifest.objects import Manifest, objects
from app.manifest.wanted import Wanted, of_stash

_RENDER = "give what is stored, as `kubectl get -o yaml` writes it"


class BadFolder(ValueError):
    """Something that cannot be read. The message names file and line, and says what is wrong."""


def read_folder(path: Path, but: Exclusions | None = None, *, confidential: bool = False) -> Inventory:
    """The inventory of all YAML and JSON files in a folder and those below it, or of one file.

    `but` is what is left out, `confidential` as for Inventory: whoever has the files may read them. Raises BadFolder.
    """
    inventory = Inventory(stale_after=None, confidential=confidential)
    for found in objects([path], HELD, but):
        if isinstance(found, Unreadable):
            raise BadFolder(str(found))
        if isinstance(found, Skipped):
            for kind in KINDS:
                inventory.unread(kind, "not looked at, since they are encrypted, or parts of something", _RENDER)
        if isinstance(found, Manifest) and found.kind in KINDS:
            try:
                inventory.put(found.kind, found.value)
            except ValueError as error:
                raise BadFolder(f"{found.file}, line {found.line}: {error}") from None
    return _complete(inventory)


def inventory_of(documents: Iterable[Mapping[str, Any]], *, confidential: bool = True) -> Inventory:
    """The inventory of objects. Raises ValueError if one has no name."""
    inventory = Inventory(stale_after=None, confidential=confidential)
    for document in documents:
        if document.get("kind") in KINDS and _is_held(str(document.get("apiVersion")), str(document["kind"])):
            inventory.put(document["kind"], document)
    return _complete(inventory)


def _is_held(api_version: str, kind: str) -> bool:
    return of_stash(api_version, kind) or (api_version, kind) == ("v1", NAMESPACE)


HELD = Wanted(_is_held, re.compile(rb"""kind["']?\s*:\s*["']?namespace"""))
"""What is judged, or known to rules: the labels of Namespaces are."""


def _complete(inventory: Inventory) -> Inventory:
    for kind in KINDS:
        inventory.complete(kind)
    return inventory
