"""RestoreBatch: several targets, restored together from one repository, once."""

from typing import Any, Literal, Required

from pydantic import with_config
from typing_extensions import TypedDict

from schemas.backupbatch import ExecutionOrder
from schemas.hooks import RestoreHooks
from schemas.job import RepositoryRef
from schemas.restoresession import RestoreJob
from schemas.scalars import MODEL, Duration, Flag, Int32, Text, Timestamp
from schemas.status import Condition, HostRestoreStats, RestorePhase
from schemas.target import Driver, TargetRef


@with_config(MODEL)
class RestoreBatchSpec(TypedDict, total=False):
    """What the user wants."""

    driver: Driver
    """What made the backup. Restic where absent."""
    repository: RepositoryRef | None
    """Where the data comes from. Required with driver Restic."""
    members: list[RestoreJob | None] | None
    """The targets."""
    maintainOrder: Flag
    """Run the members one after the other, in the order in which they are listed. Absent means false."""
    executionOrder: ExecutionOrder
    """The same in the operator's words: Sequential or Parallel. Absent means Parallel."""
    hooks: RestoreHooks | None
    """What runs around the restore of all members."""
    timeOut: Duration
    """A restore that takes longer has failed."""


@with_config(MODEL)
class RestoreMemberStatus(TypedDict, total=False):
    """How the restore of one member went."""

    ref: Required[TargetRef]
    """The member's target."""
    conditions: list[Condition | None] | None
    """What the operator observed."""
    totalHosts: Int32
    """How many hosts are restored."""
    phase: Literal["Pending", "Succeeded", "Running", "Failed"] | None
    """How far it is."""
    stats: list[HostRestoreStats | None] | None
    """How each host went."""


@with_config(MODEL)
class RestoreBatchStatus(TypedDict, total=False):
    """How the restore went."""

    phase: RestorePhase
    """How far it is."""
    sessionDuration: Text
    """How long it took."""
    conditions: list[Condition | None] | None
    """What the operator observed of the batch."""
    sessionDeadline: Timestamp
    """When it counts as failed."""
    members: list[RestoreMemberStatus | None] | None
    """How each member went."""


@with_config(MODEL)
class RestoreBatch(TypedDict, total=False):
    """Several targets, restored together from one repository, once."""

    apiVersion: Required[str]
    kind: Required[str]
    metadata: Required[dict[str, Any]]
    spec: RestoreBatchSpec | None
    status: RestoreBatchStatus | None
