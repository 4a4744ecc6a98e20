"""Repository: where restic keeps the data. The other kinds refer to it; it is no subject of admission."""

from typing import Annotated, Any, Literal, Required

from pydantic import ConfigDict, Field, with_config
from typing_extensions import TypedDict

from schemas.scalars import MODEL, Flag, Int64, Text, TextMap, Texts, Timestamp


@with_config(MODEL | ConfigDict(json_schema_extra={"x-kubernetes-preserve-unknown-fields": True}))
class LocalBackend(TypedDict, total=False):
    """A volume of the cluster: beside these fields, any core/v1 VolumeSource."""

    mountPath: Required[str]
    """Where the volume is mounted."""
    subPath: Text
    """Path within the volume."""


@with_config(MODEL)
class S3Backend(TypedDict, total=False):
    """A bucket of S3 or of something compatible."""

    endpoint: Required[str]
    """URL of the service."""
    bucket: Required[str]
    """Name of the bucket."""
    prefix: Text
    """Folder in the bucket."""
    region: Text
    """Region of the bucket."""
    insecureTLS: Flag
    """Do not verify the service's certificate."""


@with_config(MODEL)
class BucketBackend(TypedDict, total=False):
    """A bucket of Google Cloud Storage or Backblaze B2."""

    bucket: Required[str]
    """Name of the bucket."""
    prefix: Text
    """Folder in the bucket."""
    maxConnections: Int64
    """How many connections at once."""


@with_config(MODEL)
class AzureBackend(TypedDict, total=False):
    """A container of Azure Blob Storage."""

    container: Required[str]
    """Name of the container."""
    prefix: Text
    """Folder in the container."""
    maxConnections: Int64
    """How many connections at once."""


@with_config(MODEL)
class SwiftBackend(TypedDict, total=False):
    """A container of OpenStack Swift."""

    container: Required[str]
    """Name of the container."""
    prefix: Text
    """Folder in the container."""


@with_config(MODEL)
class RestBackend(TypedDict, total=False):
    """A restic REST server."""

    url: Text
    """URL of the server."""


@with_config(MODEL)
class Backend(TypedDict, total=False):
    """One of the backends."""

    storageSecretName: Text
    """Secret with the credentials and the repository's password."""
    local: LocalBackend | None
    """A volume of the cluster."""
    s3: S3Backend | None
    """S3 or something compatible."""
    gcs: BucketBackend | None
    """Google Cloud Storage."""
    azure: AzureBackend | None
    """Azure Blob Storage."""
    swift: SwiftBackend | None
    """OpenStack Swift."""
    b2: BucketBackend | None
    """Backblaze B2."""
    rest: RestBackend | None
    """A restic REST server."""


@with_config(MODEL)
class LabelSelectorRequirement(TypedDict, total=False):
    """A condition on one label."""

    key: Required[str]
    """Key of the label."""
    operator: Required[str]
    """How the label's value compares with `values`: In, NotIn, Exists or DoesNotExist."""
    values: Texts
    """Values of the label. None with Exists and DoesNotExist."""


@with_config(MODEL)
class LabelSelector(TypedDict, total=False):
    """Labels that an object has."""

    matchLabels: TextMap
    """Labels with these values."""
    matchExpressions: list[LabelSelectorRequirement | None] | None
    """Conditions that hold, all of them."""


AllowedNamespaces = TypedDict(  # the field `from` is a keyword of Python, which the syntax of classes does not take
    "AllowedNamespaces",
    {
        "from": Annotated[
            Literal["All", "Selector", "Same"] | None,
            Field(
                description="Which namespaces: All, the Same as the Repository's, or those that the Selector selects.",
                json_schema_extra={"default": "Same"},
            ),
        ],
        "selector": Annotated[
            LabelSelector | None, Field(description="With Selector: the labels of the namespaces that may use it.")
        ],
    },
    total=False,
)
with_config(MODEL)(AllowedNamespaces)


@with_config(MODEL)
class UsagePolicy(TypedDict, total=False):
    """Who may use the Repository."""

    allowedNamespaces: AllowedNamespaces | None
    """From which namespaces. None: from its own."""


@with_config(MODEL)
class RepositorySpec(TypedDict, total=False):
    """What the user wants."""

    backend: Backend | None
    """Where the data is."""
    wipeOut: Flag
    """Whether deleting the Repository deletes the data."""
    usagePolicy: UsagePolicy | None
    """Who may use the Repository."""


@with_config(MODEL)
class Reference(TypedDict, total=False):
    """An object that uses the Repository."""

    apiGroup: Text
    """Group of the object."""
    kind: Text
    """Kind of the object."""
    namespace: Text
    """Namespace of the object."""
    name: Required[str]
    """Name of the object."""


@with_config(MODEL)
class RepositoryStatus(TypedDict, total=False):
    """What the operator saw."""

    observedGeneration: Int64
    """Generation of the object that the operator saw last."""
    firstBackupTime: Timestamp
    """When the first backup was made."""
    lastBackupTime: Timestamp
    """When the last backup was made."""
    integrity: Flag
    """Whether the last check found the repository sound."""
    totalSize: Text
    """How much it holds."""
    snapshotCount: Int64
    """How many snapshots it holds."""
    snapshotsRemovedOnLastCleanup: Int64
    """How many snapshots the last clean-up removed."""
    references: list[Reference | None] | None
    """Every object that uses the Repository, as the operator maintains it."""


@with_config(MODEL)
class Repository(TypedDict, total=False):
    """Where restic keeps the data."""

    apiVersion: Required[str]
    kind: Required[str]
    metadata: Required[dict[str, Any]]
    spec: RepositorySpec | None
    status: RepositoryStatus | None
