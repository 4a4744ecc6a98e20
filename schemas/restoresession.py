"""RestoreSession: one target, restored once."""

from typing import Any, Required

from pydantic import with_config
from typing_extensions import TypedDict

from schemas.hooks import RestoreHooks
from schemas.job import Job, RepositoryRef
from schemas.scalars import MODEL, Duration, Int32, Text, Timestamp
from schemas.status import Condition, HostRestoreStats, RestorePhase
from schemas.target import Driver, RestoreTarget, Rule


@with_config(MODEL)
class RestoreJob(Job, total=False):
    """One target to restore into, and how: all of a batch's member, and the core of a RestoreSession."""

    target: RestoreTarget | None
    """What to restore into. None where a task restores the cluster itself."""
    hooks: RestoreHooks | None
    """What runs around the restore of this target."""
    rules: list[Rule | None] | None
    """Deprecated: write the rules into the target. They are moved there."""


@with_config(MODEL)
class RestoreSessionSpec(RestoreJob, total=False):
    """What the user wants."""

    driver: Driver
    """What made the backup. Restic where absent."""
    repository: RepositoryRef | None
    """Where the data comes from. Required with driver Restic."""
    timeOut: Duration
    """A restore that takes longer has failed."""


@with_config(MODEL)
class RestoreSessionStatus(TypedDict, total=False):
    """How the restore went."""

    phase: RestorePhase
    """How far it is."""
    totalHosts: Int32
    """How many hosts are restored."""
    sessionDuration: Text
    """How long it took."""
    stats: list[HostRestoreStats | None] | None
    """How each host went."""
    conditions: list[Condition | None] | None
    """What the operator observed."""
    sessionDeadline: Timestamp
    """When it counts as failed."""


@with_config(MODEL)
class RestoreSession(TypedDict, total=False):
    """One target, restored once."""

    apiVersion: Required[str]
    kind: Required[str]
    metadata: Required[dict[str, Any]]
    spec: RestoreSessionSpec | None
    status: RestoreSessionStatus | None
