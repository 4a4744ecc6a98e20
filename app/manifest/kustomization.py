"""Which files are patches: a kustomization says so, and what is in them is no whole object."""

import os
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

from app.manifest.discovery import STANDARD_INPUT
from app.manifest.documents import Document, documents
from app.manifest.nodes import Malformed
from app.manifest.source import Text, read
from app.manifest.values import value_of

_NAMES = ("kustomization.yaml", "kustomization.yml", "Kustomization")
_LISTS = ("patches", "patchesJson6902", "patchesStrategicMerge")
_MAX_PATH_CHARS = 4096
"""No system opens a file by a longer path. To look for it would take the square of its length."""


class Kustomizations:
    """The kustomizations among some files, and those of the directories that a file is in."""

    def __init__(self, names: Iterable[str] = ()) -> None:
        ours = (Path(name) for name in names if name.endswith(_NAMES))
        self._waiting = [path.absolute() for path in ours if path.name in _NAMES]
        self._read_already: set[Path] = set()
        self._looked_in: set[Path] = set()
        self._patches: dict[str, str] = {}
        """By the real names of patches, the directory of the kustomization."""

    def patching(self, name: str) -> str | None:
        """The directory of a kustomization that names a file as a patch."""
        if name == STANDARD_INPUT:
            return None
        for directory in Path(name).absolute().parents:
            if directory in self._looked_in:
                break
            self._looked_in.add(directory)
            self._waiting += [
                directory / name
                for name in _NAMES
                if os.path.isfile(directory / name)  # noqa: PTH113 -- Path.is_file() fails where nobody may look
            ]
        while self._waiting:
            self._read(self._waiting.pop())
        return self._patches.get(os.path.realpath(name)) if self._patches else None

    def _read(self, file: Path) -> None:
        if file in self._read_already:
            return
        self._read_already.add(file)
        directory = _shown(file.parent)
        for patch in _patches(file):
            self._patches.setdefault(os.path.realpath(file.parent / patch), directory)


def _patches(file: Path) -> Iterator[str]:
    text = read(file)
    if not isinstance(text, Text) or "patch" not in text.text:
        return  # to read YAML takes longer than all else
    first = next(documents(text.text), None)
    value: Any = None
    if isinstance(first, Document):
        with suppress(Malformed):
            value = value_of(first.root)
    for name in _LISTS if isinstance(value, dict) else ():
        listed = value.get(name)
        for each in listed if isinstance(listed, list) else ():
            patch = each.get("path") if isinstance(each, dict) else each
            if isinstance(patch, str) and len(patch) <= _MAX_PATH_CHARS and "\n" not in patch and "\0" not in patch:
                yield patch


def _shown(directory: Path) -> str:
    """A directory's absolute name as somebody here would write it."""
    here = Path.cwd()
    return str(directory.relative_to(here)) if directory.is_relative_to(here) else str(directory)
