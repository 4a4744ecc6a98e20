"""What is backed up and what is restored into."""

from typing import Annotated, Literal, Required

from pydantic import Field, with_config
from typing_extensions import TypedDict

from schemas.scalars import MODEL, Flag, Int32, Opaque, Text, TextMap, Texts


@with_config(MODEL)
class TargetRef(TypedDict, total=False):
    """The workload, volume or application that a target names."""

    apiVersion: Text
    """Version of the object's API, such as `apps/v1`."""
    kind: Text
    """Kind of the object, such as `Deployment`. It decides how hosts are made of the alias."""
    name: Text
    """Name of the object."""
    namespace: Text
    """Namespace of the object. Empty means the namespace of the object that names it."""


@with_config(MODEL)
class VolumeMount(TypedDict, total=False):
    """A volume of the target, and where it is mounted."""

    name: Required[str]
    """Name of the volume."""
    mountPath: Required[str]
    """Where the volume is mounted."""
    readOnly: Flag
    """Mount read-only."""
    recursiveReadOnly: Text
    """Whether read-only mounts are so recursively."""
    subPath: Text
    """Path within the volume."""
    subPathExpr: Text
    """Path within the volume, with variables."""
    mountPropagation: Text
    """How mounts spread between the host and the container."""


@with_config(MODEL)
class OwnerReference(TypedDict, total=False):
    """An object that another one goes with."""

    apiVersion: Required[str]
    """Version of the owner's API."""
    kind: Required[str]
    """Kind of the owner."""
    name: Required[str]
    """Name of the owner."""
    uid: Required[str]
    """UID of the owner."""
    controller: Flag
    """Whether the owner controls the object."""
    blockOwnerDeletion: Flag
    """Whether the owner stays while the object exists."""


@with_config(MODEL)
class PartialObjectMeta(TypedDict, total=False):
    """The part of an object's metadata that a template may set."""

    name: Text
    """Name, which may contain `${POD_ORDINAL}`."""
    generateName: Text
    """Beginning of a generated name."""
    namespace: Text
    """Namespace."""
    labels: TextMap
    """Labels."""
    annotations: TextMap
    """Annotations."""
    ownerReferences: list[OwnerReference | None] | None
    """Owners."""


@with_config(MODEL)
class VolumeClaimTemplate(TypedDict, total=False):
    """A PersistentVolumeClaim to create."""

    apiVersion: Text
    """Version of the claim's API: `v1`."""
    kind: Text
    """Kind of the claim: `PersistentVolumeClaim`."""
    metadata: PartialObjectMeta | None
    """Metadata of the claim."""
    spec: Opaque
    """A core/v1 PersistentVolumeClaimSpec."""
    status: Opaque
    """A core/v1 PersistentVolumeClaimStatus."""


@with_config(MODEL)
class Rule(TypedDict, total=False):
    """What to restore for which hosts."""

    targetHosts: Texts
    """Hosts that this rule is for. Empty: every host that no other rule names."""
    sourceHost: Text
    """Host whose data is restored. Empty: the host itself."""
    snapshots: Texts
    """Snapshots to restore, whatever host or path they carry. Not together with `paths`."""
    paths: Texts
    """Paths to restore from the newest snapshot of the source host."""
    include: Texts
    """Patterns of files to restore."""
    exclude: Texts
    """Patterns of files to leave out."""


@with_config(MODEL)
class BackupTarget(TypedDict, total=False):
    """What to back up, and the name under which restic keeps it."""

    alias: Text
    """Host name in the repository, or its stem: `<alias>` for most kinds, `<alias>-<pod index>` for a StatefulSet,
    `<alias>-<node name>` for a DaemonSet. Different for every member of a batch."""
    ref: TargetRef | None
    """What to back up."""
    paths: Texts
    """Paths to back up."""
    volumeMounts: list[VolumeMount | None] | None
    """Volumes to back up, mounted as the target mounts them."""
    replicas: Int32
    """With driver VolumeSnapshotter and a StatefulSet: how many replicas' claims to snapshot."""
    snapshotClassName: Text
    """With driver VolumeSnapshotter: the VolumeSnapshotClass."""
    exclude: Texts
    """Patterns of files to leave out."""
    args: Texts
    """Further arguments for restic."""


@with_config(MODEL)
class RestoreTarget(TypedDict, total=False):
    """What to restore into, and the name under which restic keeps the data."""

    alias: Text
    """The alias that the backup of this target has."""
    ref: TargetRef | None
    """What to restore into. Often empty where `volumeClaimTemplates` is used."""
    volumeMounts: list[VolumeMount | None] | None
    """Volumes to restore into, mounted as the target mounts them."""
    replicas: Int32
    """With `volumeClaimTemplates`: one set of claims and one job for each ordinal. Absent: one, and no ordinal in the
    host."""
    volumeClaimTemplates: list[VolumeClaimTemplate | None] | None
    """Claims to create and restore into."""
    rules: list[Rule | None] | None
    """What to restore for which hosts. None: everything of the host that the alias makes."""
    args: Texts
    """Further arguments for restic."""


Driver = Annotated[Literal["Restic", "VolumeSnapshotter"] | None, Field(json_schema_extra={"default": "Restic"})]
"""What makes the backup. Only Restic knows hosts."""
