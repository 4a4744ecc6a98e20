"""BackupConfiguration: one target, backed up on a schedule."""

from typing import Any, Required

from pydantic import with_config
from typing_extensions import TypedDict

from schemas.hooks import BackupHooks
from schemas.job import Job, RepositoryRef, RetentionPolicy, RetryConfig
from schemas.scalars import MODEL, Duration, Flag, Int32, Int64, Text
from schemas.status import Condition, InvokerPhase
from schemas.target import BackupTarget, Driver


@with_config(MODEL)
class BackupJob(Job, total=False):
    """One target to back up, and how: all of a batch's member, and the core of a BackupConfiguration."""

    target: BackupTarget | None
    """What to back up. None where a task backs up the cluster itself."""
    hooks: BackupHooks | None
    """What runs around the backup of this target."""


@with_config(MODEL)
class BackupConfigurationSpec(BackupJob, total=False):
    """What the user wants."""

    schedule: Text
    """When to back up, as a CronJob's schedule."""
    driver: Driver
    """What makes the backup. Restic where absent."""
    repository: RepositoryRef | None
    """Where the data goes. Required with driver Restic."""
    retentionPolicy: Required[RetentionPolicy]
    """Which snapshots are kept."""
    paused: Flag
    """No backups for now."""
    backupHistoryLimit: Int32
    """How many finished BackupSessions are kept."""
    timeOut: Duration
    """A backup that takes longer has failed."""
    retryConfig: RetryConfig | None
    """What happens after a failed backup."""


@with_config(MODEL)
class BackupConfigurationStatus(TypedDict, total=False):
    """What the operator saw."""

    observedGeneration: Int64
    """Generation of the object that the operator saw last."""
    conditions: list[Condition | None] | None
    """What it observed."""
    phase: InvokerPhase
    """All conditions in one word."""


@with_config(MODEL)
class BackupConfiguration(TypedDict, total=False):
    """One target, backed up on a schedule."""

    apiVersion: Required[str]
    kind: Required[str]
    metadata: Required[dict[str, Any]]
    spec: BackupConfigurationSpec | None
    status: BackupConfigurationStatus | None
