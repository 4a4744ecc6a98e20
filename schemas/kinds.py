"""The kinds: what the API server calls them, how `kubectl get` shows them, and where their fields are."""

from dataclasses import dataclass
from typing import Any

from schemas.backupbatch import BackupBatch
from schemas.backupconfiguration import BackupConfiguration
from schemas.repository import Repository
from schemas.restorebatch import RestoreBatch
from schemas.restoresession import RestoreSession

GROUP = "stash.appscode.com"


@dataclass(frozen=True, slots=True)
class Column:
    """A column of `kubectl get`: its heading, the JSON path of its value, the value's type in OpenAPI."""

    name: str
    path: str
    type: str = "string"


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of the group. The model is the typed dictionary of a whole object."""

    name: str
    version: str
    plural: str
    model: Any
    short_names: tuple[str, ...]
    categories: tuple[str, ...]
    columns: tuple[Column, ...]

    @property
    def singular(self) -> str:
        """What kubectl takes for one object: `backupbatch`."""
        return self.name.lower()

    @property
    def api_version(self) -> str:
        """What an object's `apiVersion` says: `stash.appscode.com/v1beta1`."""
        return f"{GROUP}/{self.version}"


_PHASE = Column("Phase", ".status.phase")
_AGE = Column("Age", ".metadata.creationTimestamp", "date")
_BACKUP = (Column("Schedule", ".spec.schedule"), Column("Paused", ".spec.paused", "boolean"), _PHASE, _AGE)
_RESTORE = (Column("Repository", ".spec.repository.name"), _PHASE, Column("Duration", ".status.sessionDuration"), _AGE)
_REPOSITORY = (
    Column("Integrity", ".status.integrity", "boolean"),
    Column("Size", ".status.totalSize"),
    Column("Snapshot-Count", ".status.snapshotCount", "integer"),
    Column("Last-Successful-Backup", ".status.lastBackupTime", "date"),
    _AGE,
)
_INVOKER = ("stash", "appscode", "all")

KINDS: dict[str, Kind] = {
    kind.name: kind
    for kind in (
        Kind(
            name="BackupConfiguration",
            version="v1beta1",
            plural="backupconfigurations",
            model=BackupConfiguration,
            short_names=("bc",),
            categories=_INVOKER,
            columns=(Column("Task", ".spec.task.name"), *_BACKUP),
        ),
        Kind(
            name="BackupBatch",
            version="v1beta1",
            plural="backupbatches",
            model=BackupBatch,
            short_names=(),
            categories=_INVOKER,
            columns=_BACKUP,
        ),
        Kind(
            name="RestoreSession",
            version="v1beta1",
            plural="restoresessions",
            model=RestoreSession,
            short_names=("restore",),
            categories=_INVOKER,
            columns=_RESTORE,
        ),
        Kind(
            name="RestoreBatch",
            version="v1beta1",
            plural="restorebatches",
            model=RestoreBatch,
            short_names=(),
            categories=_INVOKER,
            columns=_RESTORE,
        ),
        Kind(
            name="Repository",
            version="v1alpha1",
            plural="repositories",
            model=Repository,
            short_names=("repo",),
            categories=("stash", "appscode"),
            columns=_REPOSITORY,
        ),
    )
}
"""By name. Names, categories and columns are those of the shipped CRDs."""
