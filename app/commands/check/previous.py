"""The objects that an update changes."""

from collections.abc import Iterable, Mapping
from typing import Any

from app.manifest.discovery import Skipped, Unreadable
from app.manifest.objects import Found, Manifest


class Stored:
    """Objects in files, found again by kind, namespace and name."""

    def __init__(self, objects: Iterable[Found]) -> None:
        self.unreadable: list[Unreadable] = []
        self.skipped: list[Skipped] = []
        """Objects that are stored, and of which nothing else is known."""
        self._objects: dict[tuple[str, str], dict[str, Mapping[str, Any]]] = {}
        for found in objects:
            if isinstance(found, Unreadable):
                self.unreadable.append(found)
            elif isinstance(found, Skipped):
                self.skipped.append(found)
            elif isinstance(found, Manifest) and found.name:
                self._objects.setdefault((found.kind, found.name), {})[found.namespace] = found.value

    def of(self, manifest: Manifest) -> Mapping[str, Any] | None:
        """The stored form of an object; None if it is new.

        Where one of the two names no namespace, it is the same object if there is no other of that name.
        """
        named = self._objects.get((manifest.kind, manifest.name), {})
        if manifest.namespace in named:
            return named[manifest.namespace]
        alone = next(iter(named.items())) if len(named) == 1 else None
        return alone[1] if alone is not None and "" in (alone[0], manifest.namespace) else None
