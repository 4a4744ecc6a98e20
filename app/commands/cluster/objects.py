"""An object as a cluster holds it: what is needed to judge and to change it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

from app.domain.key import Key
from schemas.kinds import KINDS

_METADATA = ("name", "namespace", "resourceVersion", "deletionTimestamp")


@dataclass(frozen=True, slots=True)
class StoredObject:
    """An object of one of the four kinds, without what no rule asks about: its status, and who manages which field."""

    key: Key
    value: dict[str, Any]

    @classmethod
    def of(cls, kind: str, document: Mapping[str, Any]) -> Self:
        """From what the API server says of it."""
        metadata = {name: document["metadata"][name] for name in _METADATA if name in document["metadata"]}
        value = {"apiVersion": KINDS[kind].api_version, "kind": kind, "metadata": metadata}
        if "spec" in document:
            value["spec"] = document["spec"]
        return cls(Key(kind, metadata["namespace"], metadata["name"]), value)

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

    @property
    def resource_version(self) -> str:
        """Which of its states this is."""
        return str(self.value["metadata"]["resourceVersion"])

    @property
    def deleting(self) -> bool:
        """Whether it is being deleted."""
        return self.value["metadata"].get("deletionTimestamp") is not None
