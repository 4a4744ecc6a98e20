"""An object as a cluster holds it: what is needed to judge and to change it."""

import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

import orjson

from app.domain.key import Key
from schemas.kinds import KINDS

_METADATA = ("name", "namespace", "resourceVersion", "deletionTimestamp")


@dataclass(frozen=True, slots=True)
class StoredObject:
    """An object of one of the four kinds, without what no rule asks about: its status, and who manages which field.

    It is held as packed JSON, since a large cluster has many, and in Python each can take thirty times as much.
    """

    key: Key
    resource_version: str
    """Which of its states this is."""
    deleting: bool
    """Whether it is being deleted."""
    packed: bytes

    @classmethod
    def of(cls, kind: str, document: Mapping[str, Any]) -> Self:
        """From what the API server says of it."""
        metadata = {name: document["metadata"][name] for name in _METADATA if name in document["metadata"]}
        value = {"apiVersion": KINDS[kind].api_version, "kind": kind, "metadata": metadata}
        if "spec" in document:
            value["spec"] = document["spec"]
        key = Key(kind, metadata["namespace"], metadata["name"])
        deleting = metadata.get("deletionTimestamp") is not None
        packed = zlib.compress(orjson.dumps(value), level=1)
        return cls(key, str(metadata.get("resourceVersion", "")), deleting, packed)

    @property
    def value(self) -> dict[str, Any]:
        """All of it, made anew each time."""
        value: dict[str, Any] = orjson.loads(zlib.decompress(self.packed))
        return value

    @property
    def file(self) -> None:
        """It is in no file."""

    @property
    def line(self) -> None:
        """Nor has it a line."""

    @property
    def kind(self) -> str:
        """Its kind."""
        return self.key.kind

    @property
    def version(self) -> str:
        """The version of the API in which it was read."""
        return KINDS[self.kind].version

    @property
    def namespace(self) -> str:
        """Its namespace."""
        return self.key.namespace

    @property
    def name(self) -> str:
        """Its name."""
        return self.key.name
