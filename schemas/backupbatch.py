"""BackupBatch: several targets, backed up together into one repository."""

from typing import Annotated, Any, Required

from pydantic import WithJsonSchema, with_config
from typing_extensions import TypedDict

from schemas.backupconfiguration import BackupJob
from schemas.hooks import BackupHooks
from schemas.job import RepositoryRef, RetentionPolicy, RetryConfig
from schemas.scalars import MODEL, Duration, Flag, Int32, Int64, Opaque, Text
from schemas.status import Condition, InvokerPhase
from schemas.target import Driver, TargetRef

ExecutionOrder = Annotated[str, WithJsonSchema({"type": "string", "enum": ["Parallel", "Sequential"]})] | None
"""The shipped CRD has no enum here, so stored objects hold anything; the rule `consistent-order` judges it."""


@with_config(MODEL)
class BackupBatchSpec(TypedDict, total=False):
    """What the user wants."""

    members: list[BackupJob | None] | None
    """The targets."""
    maintainOrder: Flag
    """Run the members one after the other, in the order in which they are listed. Absent means false."""
    executionOrder: ExecutionOrder
    """The same in the operator's words: Sequential or Parallel. Absent means Parallel."""
    schedule: Text
    """When to back up, as a CronJob's schedule."""
    runtimeSettings: Opaque
    """Settings of the CronJob's pod, as core/v1 has them."""
    driver: Driver
    """What makes the backup. Restic where absent."""
    repository: RepositoryRef | None
    """Where the data goes. Required with driver Restic; a BackupBatch does not share it."""
    retentionPolicy: Required[RetentionPolicy]
    """Which snapshots are kept."""
    paused: Flag
    """No backups for now."""
    backupHistoryLimit: Int32
    """How many finished BackupSessions are kept."""
    hooks: BackupHooks | None
    """What runs around the backup of all members."""
    timeOut: Duration
    """A backup that takes longer has failed."""
    retryConfig: RetryConfig | None
    """What happens after a failed backup."""


@with_config(MODEL)
class BackupMemberConditions(TypedDict, total=False):
    """What the operator observed of one member."""

    target: Required[TargetRef]
    """The member's target."""
    conditions: list[Condition | None] | None
    """What it observed."""


@with_config(MODEL)
class BackupBatchStatus(TypedDict, total=False):
    """What the operator saw."""

    observedGeneration: Int64
    """Generation of the object that the operator saw last."""
    conditions: list[Condition | None] | None
    """What it observed of the batch."""
    memberConditions: list[BackupMemberConditions | None] | None
    """What it observed of each member."""
    phase: InvokerPhase
    """All conditions in one word."""


@with_config(MODEL)
class BackupBatch(TypedDict, total=False):
    """Several targets, backed up together into one repository."""

    apiVersion: Required[str]
    kind: Required[str]
    metadata: Required[dict[str, Any]]
    spec: BackupBatchSpec | None
    status: BackupBatchStatus | None
