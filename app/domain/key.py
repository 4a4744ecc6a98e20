"""Which object of the cluster."""

from typing import NamedTuple


class Key(NamedTuple):
    """Kind, namespace (empty if unknown, or for a kind without namespaces) and name of an object."""

    kind: str
    namespace: str
    name: str

    @property
    def path(self) -> str:
        """`demo/shop`, or `shop` without a namespace."""
        return f"{self.namespace}/{self.name}" if self.namespace else self.name

    def __str__(self) -> str:
        """For messages: `BackupBatch demo/shop`."""
        return f"{self.kind} {self.path}"
