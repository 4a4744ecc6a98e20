"""AdmissionReview of admission.k8s.io/v1: what the API server sends, and what it accepts for an answer."""

from typing import Literal, Required

from pydantic import TypeAdapter, with_config
from typing_extensions import TypedDict

from schemas.scalars import MODEL, Flag, Opaque, Text, TextMap

API_VERSION = "admission.k8s.io/v1"
MAX_DEPTH = 100
"""Objects and lists inside each other that a review may have."""


@with_config(MODEL)
class GroupVersionKind(TypedDict, total=False):
    """A kind, with group and version."""

    group: Text
    version: Required[str]
    kind: Required[str]


@with_config(MODEL)
class GroupVersionResource(TypedDict, total=False):
    """A resource, with group and version."""

    group: Text
    version: Required[str]
    resource: Required[str]


@with_config(MODEL)
class UserInfo(TypedDict, total=False):
    """Who asks."""

    username: Text
    uid: Text
    groups: list[str | None] | None
    extra: dict[str, list[str | None] | None] | None


@with_config(MODEL)
class AdmissionRequest(TypedDict, total=False):
    """What is to be decided. The objects are read apart, by the model of their kind."""

    uid: Required[str]
    kind: Required[GroupVersionKind]
    resource: GroupVersionResource | None
    subResource: Text
    requestKind: GroupVersionKind | None
    requestResource: GroupVersionResource | None
    requestSubResource: Text
    name: Text
    namespace: Text
    operation: Required[Literal["CREATE", "UPDATE", "DELETE", "CONNECT"]]
    userInfo: UserInfo | None
    object: Opaque
    oldObject: Opaque
    dryRun: Flag
    options: Opaque


@with_config(MODEL)
class StatusCause(TypedDict):
    """One reason of a refusal."""

    reason: str
    message: str
    field: str


@with_config(MODEL)
class StatusDetails(TypedDict, total=False):
    """What a refusal is about."""

    name: str
    group: str
    kind: str
    causes: list[StatusCause]


@with_config(MODEL)
class Status(TypedDict, total=False):
    """What the user is told of a refusal."""

    status: str
    message: str
    reason: str
    details: StatusDetails
    code: int


@with_config(MODEL)
class AdmissionResponse(TypedDict, total=False):
    """The decision."""

    uid: Required[str]
    allowed: Required[bool]
    status: Status
    patch: str
    patchType: Literal["JSONPatch"]
    auditAnnotations: TextMap
    warnings: list[str]


@with_config(MODEL)
class AdmissionReview(TypedDict, total=False):
    """A question with `request`, an answer with `response`."""

    apiVersion: Required[Literal["admission.k8s.io/v1"]]
    kind: Required[Literal["AdmissionReview"]]
    request: AdmissionRequest | None
    response: AdmissionResponse | None


REVIEW: TypeAdapter[AdmissionReview] = TypeAdapter(AdmissionReview)
