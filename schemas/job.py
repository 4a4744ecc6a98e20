"""How the job of a target runs, and what all backups and restores say of their repository."""

from typing import Annotated, Required

from pydantic import Field, with_config
from typing_extensions import TypedDict

from schemas.scalars import MODEL, Duration, Flag, Int32, Int64, Opaque, Quantity, Text, Texts
from schemas.target import VolumeClaimTemplate


@with_config(MODEL)
class Param(TypedDict, total=False):
    """A parameter of a task."""

    name: Required[str]
    """Name of the parameter."""
    value: Required[str]
    """Value of the parameter."""


@with_config(MODEL)
class TaskRef(TypedDict, total=False):
    """The Task that backs up or restores a database, a volume or the cluster."""

    name: Text
    """Name of the Task."""
    params: list[Param | None] | None
    """Parameters of the Task."""


@with_config(MODEL)
class TempDir(TypedDict, total=False):
    """Where a job keeps temporary files."""

    medium: Text
    """Kind of storage."""
    sizeLimit: Quantity
    """How large it may grow."""
    disableCaching: Flag
    """Run restic without a cache."""


@with_config(MODEL)
class Job(TypedDict, total=False):
    """How the job of one target runs."""

    task: TaskRef | None
    """The Task to run. None for workloads and volumes that the sidecar or the job model handles itself."""
    runtimeSettings: Opaque
    """Settings of the pod and its containers, as core/v1 has them."""
    tempDir: TempDir | None
    """Where temporary files are kept."""
    interimVolumeTemplate: VolumeClaimTemplate | None
    """A volume for interim data."""


@with_config(MODEL)
class RepositoryRef(TypedDict, total=False):
    """The Repository that holds the data."""

    name: Required[str]
    """Name of the Repository."""
    namespace: Text
    """Namespace of the Repository. Empty means the namespace of the object that names it."""


@with_config(MODEL)
class RetentionPolicy(TypedDict, total=False):
    """Which snapshots are kept."""

    name: Required[str]
    """Name of the policy."""
    prune: Required[bool]
    """Whether data that no snapshot needs is removed."""
    keepLast: Int64
    """How many of the newest snapshots are kept."""
    keepHourly: Int64
    """For how many hours the last snapshot of the hour is kept."""
    keepDaily: Int64
    """For how many days the last snapshot of the day is kept."""
    keepWeekly: Int64
    """For how many weeks the last snapshot of the week is kept."""
    keepMonthly: Int64
    """For how many months the last snapshot of the month is kept."""
    keepYearly: Int64
    """For how many years the last snapshot of the year is kept."""
    keepTags: Texts
    """Snapshots with these tags are kept."""
    dryRun: Flag
    """Say what would be removed, and remove nothing."""


@with_config(MODEL)
class RetryConfig(TypedDict, total=False):
    """What happens after a failed backup."""

    maxRetry: Annotated[Int32, Field(json_schema_extra={"default": 1})]
    """How often a failed backup is tried again."""
    delay: Duration
    """How long to wait before it is tried again."""
